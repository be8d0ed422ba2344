/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's UART (16550): a line of output is kept and sent by one call of the mapping. What the
 * driver does around a line is kept back, too: interrupts off, status, interrupts on. A driver that
 * sends by interrupts asks after each 16 bytes which interrupt is pending: it is told here that the
 * transmitter is empty, and goes on. Any other access finds the UART as if everything had gone
 * there one by one.
 */
#include "io.h"
#include "wedge.h"

enum { UART_DATA, UART_IER, UART_IIR, UART_LCR, UART_MCR, UART_LSR, UART_MSR };
enum {
    IER_KNOWN = 1,
    IER_MASKED = 2
}; /* masked: the guest has written 0, the UART has not got it */
enum {
    EMPTY_DUE = 1,
    EMPTY_TOLD = 2
}; /* the interrupt for bytes that are kept here: the guest has not been told, or it has */

#define IER_TRANSMIT  0x02u
#define FCR_ENABLE    0x01u /* written where IIR is read */
#define IIR_NONE      0x01u
#define IIR_REASON    0x0fu
#define IIR_EMPTY     0xc2u
#define LCR_DIVISOR   0x80u
#define MCR_LOOP      0x10u
#define LSR_EMPTY     0x60u /* THRE, TEMT */
#define LSR_ROOM      0x20u
#define MSR_LEVELS    0xf0u /* the other bits tell changes, once */
#define STATUS_READS  2u    /* a byte: its driver's own, and the one in front of the next line */
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
    console->iir_due = true;
    if (send_at_once(data, length))
        return;
    for (unsigned i = 0; i < length; i++) {
        unsigned wait = WAIT_FOR_ROOM;
        while ((port_read((uint16_t)(console->port + UART_LSR)) & LSR_ROOM) == 0 && --wait != 0)
            ;
        port_write(console->port, (uint8_t)console->line[i]);
    }
}

/* The UART gets what was kept back. QUIET: and no interrupt of its transmitter, the next write
 * masks it. */
static RESIDENT void settle(struct wedge_data *data, bool quiet)
{
    struct wedge_console *console = &data->console;
    send(data);
    if (console->empty == EMPTY_DUE && !quiet)
        raise_interrupt(console);
    console->empty = 0;
    console->iir_due = false;
    console->msr = 0;
    if ((console->ier_state & IER_MASKED) == 0)
        return;
    port_write((uint16_t)(console->port + UART_IER), 0);
    console->ier = 0;
    console->ier_state = IER_KNOWN;
}

/* A native write is about to happen, whoever has the lock. */
static RESIDENT void note_write(struct wedge_console *console, uint32_t offset, uint8_t value)
{
    if (offset == UART_IIR)
        console->fcr = value;
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
    if ((console->ier_state & IER_KNOWN) == 0 || (console->ier & IER_TRANSMIT) != 0)
        return false;
    if (value == console->ier) {
        console->ier_state = IER_KNOWN;
        send(data);
        return true;
    }
    if (value != 0)
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
    if ((console->ier & IER_TRANSMIT) != 0)
        console->empty = EMPTY_DUE;
    if (value == '\n' || console->length == WEDGE_CONSOLE_LINE)
        send(data);
    return true;
}

/* The transmitter is empty, of bytes that are kept here. After each line the UART itself is read:
 * what came in goes first, and its interrupt for the line, of which this one tells, ends. */
static RESIDENT uint8_t read_iir(struct wedge_console *console)
{
    uint8_t value = console->iir_due ? port_read((uint16_t)(console->port + UART_IIR)) : IIR_NONE;
    if ((value & IIR_NONE) == 0 && (value & IIR_REASON) != (IIR_EMPTY & IIR_REASON)) {
        console->status_reads = 0;
        return value;
    }
    console->iir_due = false;
    console->empty = EMPTY_TOLD;
    return IIR_EMPTY;
}

static RESIDENT bool read_here(struct wedge_console *console, uint32_t offset, uint64_t *rax)
{
    uint8_t value;
    if (offset == UART_LSR && console->status_reads != 0) {
        console->status_reads--;
        value = LSR_EMPTY;
    } else if (offset == UART_MSR && console->empty == EMPTY_TOLD) {
        value = console->msr != 0 ? console->msr : port_read((uint16_t)(console->port + UART_MSR));
        console->msr = value & MSR_LEVELS;
    } else if (offset == UART_IIR && console->empty == EMPTY_DUE &&
               (console->fcr & FCR_ENABLE) != 0) {
        value = read_iir(console);
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
    if (!locked && !out && mine && byte && plain && offset == UART_IIR &&
        console->empty == EMPTY_DUE) {
        regs->rax = (regs->rax & ~0xffull) | IIR_EMPTY; /* else it would wait for ever */
        return true;
    }
    if (locked && !done)
        settle(data, out && offset == UART_IER && (regs->rax & IER_TRANSMIT) == 0);
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

/* With its interrupts off, or on its way to IIR, the driver ends its line itself. */
static RESIDENT bool is_amidst(const struct wedge_console *console)
{
    return (console->ier_state & IER_MASKED) != 0 || console->empty != 0;
}

RESIDENT void wedge_console_flush(struct wedge_data *data)
{
    struct wedge_console *console = &data->console;
    if (console->length == 0 || is_amidst(console) || !lock(console))
        return;
    if (!is_amidst(console))
        send(data);
    __atomic_store_n(&console->lock, 0, __ATOMIC_RELEASE);
}
