/* SPDX-License-Identifier: Apache-2.0 */
/* A 16550A as stock drivers expect it (TI/NS PC16550D): a VM's console. No hardware in here. */
#pragma once

#include "core/types.h"

#define SERIAL_FIFO  256u
#define SERIAL_PORTS 8u
#define SERIAL_BREAK 0x100u /* received: the line was low for longer than a byte */

struct serial {
    uint8_t ier, lcr, mcr, scratch, divisor_low, divisor_high;
    bool fifo_enabled;
    bool transmit_pending;      /* "transmitter empty" waits to be told by an interrupt */
    unsigned transmit_shown;    /* and is still shown to so many reads */
    uint16_t fifo[SERIAL_FIFO]; /* bytes, or SERIAL_BREAK */
    unsigned fifo_start, fifo_count;
};

void serial_reset(struct serial *serial);
uint8_t serial_read(struct serial *serial, unsigned reg);
/* Returns the byte sent, or -1 if the write sent none. */
int serial_write(struct serial *serial, unsigned reg, uint8_t value);
/* A byte for the guest to read; false if its FIFO is full. */
bool serial_receive(struct serial *serial, uint16_t byte);
/* The level of the interrupt line. */
bool serial_interrupt(const struct serial *serial);
