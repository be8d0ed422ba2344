/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: facts that must hold, and memory of exactly the size that is said.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/types.h"

/* libFuzzer takes the abort for a crash: it keeps the input and says where that is. */
#define must(fact)                                                                                 \
    do {                                                                                           \
        if (!(fact)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #fact);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first COUNT bytes of the input choose what the rest is given to; false: too short. */
static inline bool fuzz_choices(const uint8_t **data, size_t *size, uint8_t *choices, size_t count)
{
    if (*size < count)
        return false;
    memcpy(choices, *data, count);
    *data += count;
    *size -= count;
    return true;
}

/* A copy of exactly SIZE bytes: the address sanitizer sees each byte read outside. */
static inline void *fuzz_copy(const void *data, size_t size)
{
    void *copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

/* TEXT, in SIZE bytes, is there, ends, and may be shown on a terminal. */
static inline bool fuzz_is_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return length > 0 && length < size;
}
