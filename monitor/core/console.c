/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's console. Control characters stay in the ring and are left out of the log. */
#include "core/console.h"

#include "core/log.h"
#include "core/ring.h"

void console_init(struct console *console, const char *name)
{
    console->name = name;
    serial_reset(&console->serial);
}

void console_flush(struct console *console)
{
    if (console->line_length == 0)
        return;
    if (console->attached)
        log_raw(console->line, console->line_length);
    else
        log_console_line(console->name, console->line, console->line_length);
    console->line_length = 0;
}

void console_output(struct console *console, uint8_t byte)
{
    char c = (char)byte;
    console->ring[console->written++ % CONSOLE_RING] = c;
    if (console->attached) {
        log_raw(&c, 1);
        return;
    }
    if (c == '\n' || console->line_length == CONSOLE_LINE)
        console_flush(console);
    bool printable = byte >= 0x20 && byte != 0x7f;
    if (printable || c == '\t')
        console->line[console->line_length++] = c;
}

size_t console_copy(struct console *console, uint64_t *from, char *buffer, size_t size)
{
    lock_take(&console->lock);
    size_t length = ring_copy(console->ring, CONSOLE_RING, console->written, from, buffer, size);
    lock_release(&console->lock);
    return length;
}
