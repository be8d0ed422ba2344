/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of bytes that are numbered from 0 for ever; the last SIZE of them are there. */
#pragma once

#include "core/types.h"

/*
 * Copy bytes *FROM .. END of RING, at most LIMIT; where they are gone already *FROM becomes the
 * oldest that is there. Returns their number.
 */
static inline size_t ring_copy(const char *ring, size_t size, uint64_t end, uint64_t *from,
                               char *buffer, size_t limit)
{
    if (*from > end)
        *from = end;
    if (end - *from > size)
        *from = end - size;
    size_t length = end - *from < limit ? (size_t)(end - *from) : limit;
    for (size_t i = 0; i < length; i++)
        buffer[i] = ring[(*from + i) % size];
    return length;
}
