/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's memory, reached by guest-physical address. */
#pragma once

#include <stdatomic.h>

#include "core/place.h"

/* RAM in blocks of LARGE_PAGE that come and go (memory_device.h). */
struct guest_blocks {
    uint64_t base; /* gpa */
    uint32_t count;
    _Atomic uint32_t *frames; /* by block: the number of the large page behind it; 0: none */
};
#define GUEST_BLOCK_GOING 0x80000000u /* the VM must not reach it any more */

/* The parts of a VM's guest-physical space that are RAM. hpa is also the address to write at. */
struct guest_memory {
    const struct place_extent *extents; /* sorted by gpa */
    unsigned count;
    const struct guest_blocks *blocks; /* NULL: the extents are all */
};

/* Only what never leaves the VM while it runs. */
static inline struct guest_memory guest_made_with(const struct guest_memory *memory)
{
    return (struct guest_memory){memory->extents, memory->count, NULL};
}

/* Where GPA is, or NULL; cuts SIZE, bytes from there on, down to those in the same piece. */
uint8_t *guest_piece(const struct guest_memory *memory, uint64_t gpa, uint64_t *size);
/* Pointer to SIZE bytes at GPA if they are RAM within one piece, else NULL. */
void *guest_pointer(const struct guest_memory *memory, gpa_t gpa, uint64_t size);
/* Copy or clear across extents; false (and nothing written) if a byte of the range is not RAM. */
bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *data, uint64_t size);
bool guest_clear(const struct guest_memory *memory, gpa_t gpa, uint64_t size);
