/* SPDX-License-Identifier: Apache-2.0 */
/* COM1 as firmware left it, or not there at all: a 16550 at 3F8h. */
#include "wedge.h"

#define COM1        0x3f8u
#define LINE_STATUS (COM1 + 5)
#define CAN_SEND    0x20u
#define PATIENCE    100000u /* reads of the line status for one byte: no console may stop a boot */

static uint8_t port_in(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void send(char c)
{
    for (unsigned i = 0; i < PATIENCE && (port_in(LINE_STATUS) & CAN_SEND) == 0; i++)
        ;
    __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)COM1));
}

void wedge_print_com1(const char *text, size_t length)
{
    if (port_in(LINE_STATUS) == 0xff)
        return; /* nobody answers */
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            send('\r');
        send(text[i]);
    }
}
