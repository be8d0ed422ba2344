/* SPDX-License-Identifier: Apache-2.0 */
/* The 16550A of a VM's console: it sends at once, so its transmitter is always empty. */
#include "core/serial.h"

#include "lib/string.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH };

#define IER_RECEIVE     0x01u
#define IER_TRANSMIT    0x02u
#define IIR_NONE        0x01u
#define IIR_TRANSMIT    0x02u
#define IIR_RECEIVE     0x04u
#define IIR_FIFO        0xc0u
#define FCR_ENABLE      0x01u
#define FCR_CLEAR_RX    0x02u
#define LCR_DIVISOR     0x80u
#define MCR_LOOP        0x10u
#define LSR_DATA        0x01u
#define LSR_EMPTY       0x60u
#define LSR_BREAK       0x10u
#define SHOWN_READS     8u
#define MODEM_CONNECTED 0xb0u /* carrier, data set ready, clear to send */

void serial_reset(struct serial *serial)
{
    memset(serial, 0, sizeof(*serial));
    serial->divisor_low = 1;
}

static uint8_t serial_identify(const struct serial *serial)
{
    uint8_t fifo = serial->fifo_enabled ? IIR_FIFO : 0;
    if ((serial->ier & IER_RECEIVE) != 0 && serial->fifo_count > 0)
        return IIR_RECEIVE | fifo;
    if ((serial->ier & IER_TRANSMIT) != 0 && serial->transmit_shown > 0)
        return IIR_TRANSMIT | fifo;
    return IIR_NONE | fifo;
}

static uint8_t serial_take(struct serial *serial)
{
    if (serial->fifo_count == 0)
        return 0;
    uint8_t byte = (uint8_t)serial->fifo[serial->fifo_start]; /* a break reads as 0 */
    serial->fifo_start = (serial->fifo_start + 1) % SERIAL_FIFO;
    serial->fifo_count--;
    return byte;
}

static uint8_t serial_modem(const struct serial *serial)
{
    if ((serial->mcr & MCR_LOOP) == 0)
        return MODEM_CONNECTED;
    /* Loop-back: RTS, DTR, OUT1, OUT2 come back as CTS, DSR, RI, DCD. */
    uint8_t mcr = serial->mcr;
    return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4);
}

uint8_t serial_read(struct serial *serial, unsigned reg)
{
    bool divisor = (serial->lcr & LCR_DIVISOR) != 0;
    uint8_t value;
    switch (reg) {
    case REG_DATA:
        return divisor ? serial->divisor_low : serial_take(serial);
    case REG_IER:
        return divisor ? serial->divisor_high : serial->ier;
    case REG_IIR_FCR:
        value = serial_identify(serial);
        if ((value & 0xf) == IIR_TRANSMIT) {
            serial->transmit_pending = false;
            serial->transmit_shown--;
        }
        return value;
    case REG_LCR:
        return serial->lcr;
    case REG_MCR:
        return serial->mcr;
    case REG_LSR:
        if (serial->fifo_count == 0)
            return LSR_EMPTY;
        return LSR_EMPTY | LSR_DATA |
               (serial->fifo[serial->fifo_start] == SERIAL_BREAK ? LSR_BREAK : 0);
    case REG_MSR:
        return serial_modem(serial);
    default:
        return serial->scratch;
    }
}

/*
 * One read of the interrupt's cause would take it back on a 16550. But while a stock driver tests
 * that, its own interrupt handler reads, too, on another core: it then believes in a broken UART
 * and polls it for ever. So the cause is shown a few times; the interrupt comes once all the same.
 */
static void serial_transmitter_empty(struct serial *serial)
{
    serial->transmit_pending = true;
    serial->transmit_shown = SHOWN_READS;
}

static int serial_write_data(struct serial *serial, uint8_t value)
{
    if ((serial->lcr & LCR_DIVISOR) != 0) {
        serial->divisor_low = value;
        return -1;
    }
    serial_transmitter_empty(serial);
    if ((serial->mcr & MCR_LOOP) == 0)
        return value;
    serial_receive(serial, value);
    return -1;
}

static void serial_write_ier(struct serial *serial, uint8_t value)
{
    if ((serial->lcr & LCR_DIVISOR) != 0) {
        serial->divisor_high = value;
        return;
    }
    /* Switched on while the transmitter is empty, as it always is: that is news to the guest. */
    if ((value & ~serial->ier & IER_TRANSMIT) != 0)
        serial_transmitter_empty(serial);
    serial->ier = value & 0xf;
}

int serial_write(struct serial *serial, unsigned reg, uint8_t value)
{
    switch (reg) {
    case REG_DATA:
        return serial_write_data(serial, value);
    case REG_IER:
        serial_write_ier(serial, value);
        break;
    case REG_IIR_FCR:
        serial->fifo_enabled = (value & FCR_ENABLE) != 0;
        if ((value & FCR_CLEAR_RX) != 0)
            serial->fifo_count = 0;
        break;
    case REG_LCR:
        serial->lcr = value;
        break;
    case REG_MCR:
        serial->mcr = value & 0x1f;
        break;
    case REG_SCRATCH:
        serial->scratch = value;
        break;
    default: /* line and modem status are read-only */
        break;
    }
    return -1;
}

bool serial_receive(struct serial *serial, uint16_t byte)
{
    if (serial->fifo_count == SERIAL_FIFO)
        return false;
    serial->fifo[(serial->fifo_start + serial->fifo_count) % SERIAL_FIFO] = byte;
    serial->fifo_count++;
    return true;
}

bool serial_interrupt(const struct serial *serial)
{
    /* OUT2 gates the line on a PC; a PCI card has no such gate, so neither have we. */
    bool received = (serial->ier & IER_RECEIVE) != 0 && serial->fifo_count > 0;
    return received || ((serial->ier & IER_TRANSMIT) != 0 && serial->transmit_pending);
}
