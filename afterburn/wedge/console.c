/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's UART (16550): a line of output is kept and sent by one call of the mapping. What the
 * driver does around a line is kept back, too: interrupts off, status, interrupts on. Any other
 * access finds the UART as if everything had gone there one by one.
 */
#include "io.h"
#include "wedge.h"

enum { UART_DATA, UART_IER, UART_LCR = 3, UART_MCR, UART_LSR };
enum {
    IER_KNOWN = 1,
    IER_MASKED = 2
}; /* masked: the guest has written 0, the UART has not got it */

#define IER_TRANSMIT  0x02u
#define LCR_DIVISOR   0x80u
#define MCR_LOOP      0x10u
#define LSR_EMPTY     0x60u /* THRE, TEMT */
#define LSR_ROOM      0x20u
#define STATUS_READS  2u /* a byte: its driver's own, and the one in front of the next line */
#define WAIT_FOR_ROOM 100000u

static RESIDENT bool lock(struct wedge_console *console)
{
    return __atomic_exchange_n(&console->lock, 1, __ATOMIC_ACQUIRE) == 0;
}

static RESIDENT bool send_at_once(struct wedge_data *data, unsigned length)
{
    const char *line = data->console.line;
    return (data->ground == GROUND_KVM && kvm_console(data, line, length)) ||
           (data->ground == GROUND_XEN && xen_console(data, line, length)) ||
           (data->ground == GROUND_MULLION && mullion_console(data, line, length));
}

/* A driver that sends by interrupts waits for the next one, and the UART got nothing to send. */
static RESIDENT void raise_interrupt(const struct wedge_console *console)
{
    uint16_t ier = (uint16_t)(console->port + UART_IER);
    if ((console->ier & IER_TRANSMIT) == 0)
        return;
    port_write(ier, (uint8_t)(console->ier & ~IER_TRANSMIT));
    port_write(ier, console->ier);
}

static RESIDENT void send(struct wedge_data *data)
{
    struct wedge_console *console = &data->console;
    unsigned length = console->length;
    console->length = 0;
    if (length == 0)
        return;
    if (send_at_once(data, length)) {
        raise_interrupt(console);
        return;
    }
    for (unsigned i = 0; i < length; i++) {
        unsigned wait = WAIT_FOR_ROOM;
        while ((port_read((uint16_t)(console->port + UART_LSR)) & LSR_ROOM) == 0 && --wait != 0)
            ;
        port_write(console->port, (uint8_t)console->line[i]);
    }
}

/* The UART gets what was kept back. */
static RESIDENT void settle(struct wedge_data *data)
{
    struct wedge_console *console = &data->console;
    send(data);
    if ((console->ier_state & IER_MASKED) == 0)
        return;
    port_write((uint16_t)(console->port + UART_IER), 0);
    console->ier = 0;
    console->ier_state = IER_KNOWN;
}

/* A native write is about to happen, whoever has the lock. */
static RESIDENT void note_write(struct wedge_console *console, uint32_t offset, uint8_t value)
{
    if (offset == UART_LCR)
        console->lcr = value;
    if (offset == UART_MCR)
        console->mcr = value;
    if (offset == UART_IER && (console->lcr & LCR_DIVISOR) == 0) {
        console->ier = value & 0x0f;
        console->ier_state = IER_KNOWN;
    }
}

/* Interrupts off and on again, as around each line. That of an empty transmitter is raised by the
 * write itself, so a UART that has it enabled gets every write. */
static RESIDENT bool write_ier(struct wedge_data *data, uint8_t value)
{
    struct wedge_console *console = &data->console;
    if ((console->ier_state & IER_MASKED) != 0 && value == console->ier) {
        console->ier_state = IER_KNOWN;
        send(data);
        return true;
    }
    if ((console->ier_state & IER_KNOWN) == 0 || value != 0 || (console->ier & IER_TRANSMIT) != 0)
        return false;
    console->ier_state |= IER_MASKED;
    return true;
}

static RESIDENT bool write_here(struct wedge_data *data, uint32_t offset, uint8_t value)
{
    struct wedge_console *console = &data->console;
    if (offset == UART_IER)
        return write_ier(data, value);
    if (offset != UART_DATA)
        return false;
    console->line[console->length++] = (char)value;
    console->status_reads = STATUS_READS;
    if (value == '\n' || console->length == WEDGE_CONSOLE_LINE)
        send(data);
    return true;
}

static RESIDENT bool read_here(struct wedge_console *console, uint32_t offset, uint64_t *rax)
{
    uint8_t value;
    if (offset == UART_LSR && console->status_reads != 0) {
        console->status_reads--;
        value = LSR_EMPTY;
    } else if (offset == UART_IER && (console->ier_state & IER_KNOWN) != 0) {
        value = (console->ier_state & IER_MASKED) != 0 ? 0 : console->ier;
    } else {
        return false;
    }
    *rax = (*rax & ~0xffull) | value;
    return true;
}

RESIDENT bool wedge_console_access(struct wedge_data *data, struct wedge_regs *regs,
                                   uint32_t offset, bool mine)
{
    struct wedge_console *console = &data->console;
    uint32_t word = (uint32_t)regs->site;
    bool out = SITE_KIND(word) == AFTERBURN_OUT, done = false;
    bool byte = SITE_WIDTH(word) == 1;
    bool plain = (console->lcr & LCR_DIVISOR) == 0 && (console->mcr & MCR_LOOP) == 0;
    bool locked = lock(console);
    if (locked && mine && byte && plain)
        done = out ? write_here(data, offset, (uint8_t)regs->rax)
                   : read_here(console, offset, &regs->rax);
    if (locked && !done)
        settle(data);
    if (!done && !out) /* an interrupt's handler: the status that it reads next is the true one */
        console->status_reads = 0;
    if (!done && out && byte)
        note_write(console, offset, (uint8_t)regs->rax);
    if (!done && out && !byte)
        console->port = 0; /* several registers at once: not a driver that is known here */
    if (locked)
        __atomic_store_n(&console->lock, 0, __ATOMIC_RELEASE);
    return done;
}

RESIDENT void wedge_console_flush(struct wedge_data *data)
{
    if (data->console.length == 0 || !lock(&data->console))
        return;
    send(data);
    __atomic_store_n(&data->console.lock, 0, __ATOMIC_RELEASE);
}
