/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends when it cannot do what it was asked to. */
#pragma once

#include <stddef.h>

enum status { STATUS_OK, STATUS_BROKEN, STATUS_USAGE };

/* Prints `afterburn: ` and the text, and ends with STATUS_USAGE: wrong usage, unreadable input. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory for COUNT things of SIZE bytes, or the end. */
void *allocate(size_t count, size_t size);
