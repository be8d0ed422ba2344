/* SPDX-License-Identifier: Apache-2.0 */
/* COM1 as firmware left it, or not there at all: a 16550 at 3F8h. */
#include "io.h"
#include "wedge.h"

#define COM1        0x3f8u
#define LINE_STATUS (COM1 + 5)
#define CAN_SEND    0x20u
#define PATIENCE    100000u /* reads of the line status for one byte: no console may stop a boot */

static void send(char c)
{
    for (unsigned i = 0; i < PATIENCE && (port_read(LINE_STATUS) & CAN_SEND) == 0; i++)
        ;
    port_write(COM1, (uint8_t)c);
}

void wedge_print_com1(const char *text, size_t length)
{
    if (port_read(LINE_STATUS) == 0xff)
        return; /* nobody answers */
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            send('\r');
        send(text[i]);
    }
}
