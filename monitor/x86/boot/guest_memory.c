/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching a VM's memory by guest-physical address, before the VM runs. */
#include "x86/boot/guest.h"

#include "lib/string.h"

/* The extent that holds GPA, or NULL. */
static const struct place_extent *extent_find(const struct guest_memory *memory, uint64_t gpa)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct place_extent *extent = &memory->extents[i];
        if (gpa >= extent->gpa.v && gpa - extent->gpa.v < extent->size)
            return extent;
    }
    return NULL;
}

static uint8_t *extent_address(const struct place_extent *extent, uint64_t gpa)
{
    return (uint8_t *)(uintptr_t)(extent->hpa.v + (gpa - extent->gpa.v));
}

/* How many of SIZE bytes from GPA on lie in EXTENT. */
static uint64_t extent_share(const struct place_extent *extent, uint64_t gpa, uint64_t size)
{
    uint64_t rest = extent->size - (gpa - extent->gpa.v);
    return size < rest ? size : rest;
}

void *guest_pointer(const struct guest_memory *memory, gpa_t gpa, uint64_t size)
{
    const struct place_extent *extent = extent_find(memory, gpa.v);
    if (extent == NULL || extent_share(extent, gpa.v, size) != size)
        return NULL;
    return extent_address(extent, gpa.v);
}

static bool range_is_ram(const struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
    while (size > 0) {
        const struct place_extent *extent = extent_find(memory, gpa);
        if (extent == NULL)
            return false;
        uint64_t share = extent_share(extent, gpa, size);
        gpa += share;
        size -= share;
    }
    return true;
}

bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *data, uint64_t size)
{
    const uint8_t *from = data;
    if (!range_is_ram(memory, gpa.v, size))
        return false;
    while (size > 0) {
        const struct place_extent *extent = extent_find(memory, gpa.v);
        uint64_t share = extent_share(extent, gpa.v, size);
        memcpy(extent_address(extent, gpa.v), from, share);
        from += share;
        gpa.v += share;
        size -= share;
    }
    return true;
}

bool guest_clear(const struct guest_memory *memory, gpa_t gpa, uint64_t size)
{
    if (!range_is_ram(memory, gpa.v, size))
        return false;
    while (size > 0) {
        const struct place_extent *extent = extent_find(memory, gpa.v);
        uint64_t share = extent_share(extent, gpa.v, size);
        memset(extent_address(extent, gpa.v), 0, share);
        gpa.v += share;
        size -= share;
    }
    return true;
}
