/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching a VM's memory by guest-physical address. */
#include "core/guest_memory.h"

#include "lib/string.h"

static uint8_t *block_piece(const struct guest_blocks *blocks, uint64_t gpa, uint64_t *size)
{
    uint64_t offset = gpa - blocks->base;
    uint64_t within = offset % LARGE_PAGE;
    uint32_t frame =
        offset / LARGE_PAGE < blocks->count ? atomic_load(&blocks->frames[offset / LARGE_PAGE]) : 0;
    if (frame == 0 || (frame & GUEST_BLOCK_GOING) != 0)
        return NULL;
    *size = *size < LARGE_PAGE - within ? *size : LARGE_PAGE - within;
    return (uint8_t *)(uintptr_t)(frame * LARGE_PAGE + within);
}

uint8_t *guest_piece(const struct guest_memory *memory, uint64_t gpa, uint64_t *size)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct place_extent *extent = &memory->extents[i];
        if (gpa < extent->gpa.v || gpa - extent->gpa.v >= extent->size)
            continue;
        uint64_t offset = gpa - extent->gpa.v;
        *size = *size < extent->size - offset ? *size : extent->size - offset;
        return (uint8_t *)(uintptr_t)(extent->hpa.v + offset);
    }
    return memory->blocks != NULL ? block_piece(memory->blocks, gpa, size) : NULL;
}

void *guest_pointer(const struct guest_memory *memory, gpa_t gpa, uint64_t size)
{
    uint64_t share = size;
    uint8_t *piece = guest_piece(memory, gpa.v, &share);
    return share == size ? piece : NULL;
}

/* Write DATA, or zeros where it is NULL, after a look whether all of it is RAM. */
static bool range_write(const struct guest_memory *memory, gpa_t gpa, const uint8_t *data,
                        uint64_t size)
{
    uint64_t share;
    for (uint64_t done = 0; done < size; done += share) {
        share = size - done;
        if (guest_piece(memory, gpa.v + done, &share) == NULL)
            return false;
    }
    for (uint64_t done = 0; done < size; done += share) {
        share = size - done;
        uint8_t *piece = guest_piece(memory, gpa.v + done, &share);
        if (data != NULL)
            memcpy(piece, data + done, share);
        else
            memset(piece, 0, share);
    }
    return true;
}

bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *data, uint64_t size)
{
    return range_write(memory, gpa, data, size);
}

bool guest_clear(const struct guest_memory *memory, gpa_t gpa, uint64_t size)
{
    return range_write(memory, gpa, NULL, size);
}
