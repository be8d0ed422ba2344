/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's memory, reached by guest-physical address. */
#pragma once

#include "core/place.h"

/* The parts of a VM's guest-physical space that are RAM. hpa is also the address to write at. */
struct guest_memory {
    const struct place_extent *extents; /* sorted by gpa */
    unsigned count;
};

/* Where GPA is, or NULL; cuts SIZE, bytes from there on, down to those in the same extent. */
uint8_t *guest_piece(const struct guest_memory *memory, uint64_t gpa, uint64_t *size);
/* Pointer to SIZE bytes at GPA if they are RAM within one extent, else NULL. */
void *guest_pointer(const struct guest_memory *memory, gpa_t gpa, uint64_t size);
/* Copy or clear across extents; false (and nothing written) if a byte of the range is not RAM. */
bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *data, uint64_t size);
bool guest_clear(const struct guest_memory *memory, gpa_t gpa, uint64_t size);
