/* SPDX-License-Identifier: Apache-2.0 */
/* The log port: a 16550 at COM2, 115200 8n1, and isa-debugcon at E9h. */
#include "x86/uart.h"

#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/time.h"

#define DEBUGCON 0xe9u

enum { DATA, IER, FCR, LCR, MCR, LSR, MSR, SCRATCH };
#define LSR_DATA_READY 0x01u
#define LSR_THR_EMPTY  0x20u
#define WAIT_TURNS     100000u /* a UART that never gets empty must not stop us */

static bool has_uart;
static bool has_debugcon;

static void put_uart(char c)
{
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++)
        if ((in8(LOG_UART + LSR) & LSR_THR_EMPTY) != 0)
            break;
    out8(LOG_UART + DATA, (uint8_t)c);
}

static void put(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (has_debugcon)
            out8(DEBUGCON, (uint8_t)text[i]);
        if (!has_uart)
            continue;
        if (text[i] == '\n')
            put_uart('\r');
        put_uart(text[i]);
    }
}

static cpu_id_t current_cpu(void)
{
    return this_cpu()->id;
}

static bool uart_probe(void)
{
    out8(LOG_UART + SCRATCH, 0x5a);
    return in8(LOG_UART + SCRATCH) == 0x5a;
}

void uart_init(void)
{
    static const struct log_ops ops = {time_us, current_cpu, put};
    has_debugcon = in8(DEBUGCON) == DEBUGCON;
    has_uart = uart_probe();
    if (has_uart) {
        out8(LOG_UART + IER, 0);
        out8(LOG_UART + LCR, 0x80); /* divisor 1: 115200 */
        out8(LOG_UART + DATA, 1);
        out8(LOG_UART + IER, 0);
        out8(LOG_UART + LCR, 3); /* 8n1 */
        out8(LOG_UART + FCR, 7); /* FIFOs on and empty, an interrupt for each byte */
        out8(LOG_UART + MCR, 3);
    }
    log_set_ops(&ops);
}

bool uart_present(void)
{
    return has_uart;
}

bool uart_waiting(void)
{
    return has_uart && (in8(LOG_UART + LSR) & LSR_DATA_READY) != 0;
}

int uart_read(void)
{
    return uart_waiting() ? in8(LOG_UART + DATA) : -1;
}

void uart_enable_interrupt(void)
{
    out8(LOG_UART + MCR, 0x0b); /* OUT2 lets the interrupt out */
    out8(LOG_UART + IER, 0);    /* off and on: an edge if a byte waits, however it came */
    out8(LOG_UART + IER, 1);
}

bool uart_owns_port(uint32_t port, uint32_t size)
{
    bool log = has_uart && port < LOG_UART + LOG_UART_SIZE && port + size > LOG_UART;
    return log || (has_debugcon && port <= DEBUGCON && port + size > DEBUGCON);
}
