/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's console: the last output in a ring, and whole lines of it to the log. */
#pragma once

#include "core/lock.h"
#include "core/serial.h"

#define CONSOLE_RING 16384u
#define CONSOLE_LINE 256u

struct console {
    struct lock lock; /* guards all of it; a VM has several cores */
    struct serial serial;
    const char *name;
    char ring[CONSOLE_RING];
    uint64_t written; /* bytes ever put into the ring */
    char line[CONSOLE_LINE];
    unsigned line_length;
    bool attached; /* takes input from the log port: bytes go out as they come */
};

void console_init(struct console *console, const char *name);
/* A byte from the guest. The lock is held. */
void console_output(struct console *console, uint8_t byte);
/* As log_copy, of the bytes that the guest has written. Takes the lock. */
size_t console_copy(struct console *console, uint64_t *from, char *buffer, size_t size);
/* Write out what is left of an unfinished line (the VM stops, or its console is attached). */
void console_flush(struct console *console);
