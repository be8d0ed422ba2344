/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted text into a fixed buffer. */
#include "lib/fmt.h"

#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *at;
    char *last; /* place of the final NUL */
};

struct field {
    bool left;
    bool zero;
    unsigned width;
};

static void put(struct sink *sink, char c)
{
    if (sink->at < sink->last)
        *sink->at++ = c;
}

static void pad(struct sink *sink, char c, size_t length, unsigned width)
{
    for (; length < width; length++)
        put(sink, c);
}

static void put_string(struct sink *sink, const char *text, const struct field *field)
{
    size_t length = 0;
    if (text == NULL)
        text = "(null)";
    while (text[length] != '\0')
        length++;
    if (!field->left)
        pad(sink, ' ', length, field->width);
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
    if (field->left)
        pad(sink, ' ', length, field->width);
}

static void put_number(struct sink *sink, uint64_t value, bool negative, unsigned base,
                       const struct field *field)
{
    char digits[24];
    size_t length = 0;
    do {
        digits[length++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    size_t whole = length + (negative ? 1 : 0);
    if (!field->left && !field->zero)
        pad(sink, ' ', whole, field->width);
    if (negative)
        put(sink, '-');
    if (!field->left && field->zero)
        pad(sink, '0', whole, field->width);
    while (length > 0)
        put(sink, digits[--length]);
    if (field->left)
        pad(sink, ' ', whole, field->width);
}

static const char *read_flags(const char *p, struct field *field)
{
    for (;; p++) {
        if (*p == '-')
            field->left = true;
        else if (*p == '0')
            field->zero = true;
        else
            break;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        field->width = field->width * 10 + (unsigned)(*p - '0');
    return p;
}

size_t fmt_text_va(char *buffer, size_t size, const char *format, va_list args)
{
    if (size == 0)
        return 0;
    struct sink sink = {buffer, buffer + size - 1};
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            put(&sink, *p);
            continue;
        }
        struct field field = {0};
        p = read_flags(p + 1, &field);
        bool is_long = false;
        for (; *p == 'l' || *p == 'z'; p++)
            is_long = true;
        if (*p == 's') {
            put_string(&sink, va_arg(args, const char *), &field);
        } else if (*p == 'c') {
            put(&sink, (char)va_arg(args, int));
        } else if (*p == 'd') {
            int64_t value = is_long ? va_arg(args, int64_t) : va_arg(args, int);
            uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
            put_number(&sink, magnitude, value < 0, 10, &field);
        } else if (*p == 'u' || *p == 'x') {
            uint64_t value = is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(&sink, value, false, *p == 'u' ? 10 : 16, &field);
        } else if (*p == '%') {
            put(&sink, '%');
        } else {
            break; /* an unknown conversion: stop rather than read a wrong argument */
        }
    }
    *sink.at = '\0';
    return (size_t)(sink.at - buffer);
}

size_t fmt_text(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = fmt_text_va(buffer, size, format, args);
    va_end(args);
    return length;
}

const char *fmt_size(char *buffer, size_t size, unsigned long bytes)
{
    static const char unit[] = {'B', 'K', 'M', 'G', 'T'};
    unsigned step = 0;
    while (bytes != 0 && bytes % 1024 == 0 && step + 1 < sizeof(unit)) {
        bytes /= 1024;
        step++;
    }
    fmt_text(buffer, size, "%lu%c", bytes, unit[step]);
    return buffer;
}
