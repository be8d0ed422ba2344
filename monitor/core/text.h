/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows in a buffer: answers of the control service, configurations. */
#pragma once

#include "core/types.h"

struct text {
    char *buffer;
    size_t size, length;
    bool overflow; /* something found no room: what is there is not whole */
};

__attribute__((format(printf, 2, 3))) void text_print(struct text *text, const char *format, ...);
/* "VALUE" between quotes, escaped as in the configuration's language. */
void text_quote(struct text *text, const char *value);
/* LENGTH bytes as they are. */
void text_bytes(struct text *text, const char *bytes, size_t length);
/* SEPARATOR between the ranges: "0-2,5". One core alone is "5", or with WHOLE "5-5". */
void text_cpus(struct text *text, const struct cpu_set *set, bool whole);
