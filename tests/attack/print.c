/* SPDX-License-Identifier: Apache-2.0 */
/* The console and the command line. */
#include <stdarg.h>

#include "guest.h"

#define COM1      0x3f8u
#define COM1_LINE (COM1 + 3)
#define LINE_8N1  3u

static char line[400];
static size_t used;
static volatile bool busy;

static void put(char c)
{
    if (used < sizeof(line))
        line[used++] = c;
}

static void put_number(uint64_t value, unsigned base)
{
    char digits[20];
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count > 0)
        put(digits[--count]);
}

static void send(void)
{
    for (size_t i = 0; i < used; i++) {
        while ((in8(COM1 + 5) & 0x20) == 0)
            relax();
        out8(COM1, (uint8_t)line[i]);
    }
}

/* A service VM has the machine's own port, which firmware may have left with five bits. */
void print_init(void)
{
    out8(COM1_LINE, LINE_8N1);
}

/* %s, %u, %lu, %x, %lx, %d: all that is needed here. */
void print(const char *format, ...)
{
    va_list args;
    while (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        relax();
    used = 0;
    va_start(args, format);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        bool wide = *++format == 'l';
        if (wide)
            format++;
        if (*format == 's') {
            for (const char *s = va_arg(args, const char *); *s != '\0'; s++)
                put(*s);
        } else if (*format == 'd') {
            int value = va_arg(args, int);
            if (value < 0)
                put('-');
            put_number((uint64_t)(value < 0 ? -value : value), 10);
        } else {
            uint64_t value = wide ? va_arg(args, uint64_t) : va_arg(args, uint32_t);
            put_number(value, *format == 'x' ? 16 : 10);
        }
    }
    va_end(args);
    send();
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

bool option(const char *name, char *value, size_t size)
{
    const char *at = command_line;
    while (*at != '\0') {
        const char *n = name;
        while (*n != '\0' && *n == *at) {
            n++;
            at++;
        }
        bool found = *n == '\0' && *at == '=';
        if (found)
            at++;
        size_t length = 0;
        for (; *at != '\0' && *at != ' '; at++)
            if (found && length + 1 < size)
                value[length++] = *at;
        if (found) {
            value[length] = '\0';
            return true;
        }
        while (*at == ' ')
            at++;
    }
    return false;
}

uint64_t option_number(const char *name)
{
    char digits[24] = "";
    uint64_t value = 0;
    option(name, digits, sizeof(digits));
    for (const char *c = digits; *c >= '0' && *c <= '9'; c++)
        value = value * 10 + (uint64_t)(*c - '0');
    return value;
}

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}
