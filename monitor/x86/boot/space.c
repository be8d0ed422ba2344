/* SPDX-License-Identifier: Apache-2.0 */
/* A first-fit allocator over the map that a guest sees, cut down to memory that it really has. */
#include "x86/boot/space.h"

void boot_space_init(struct boot_space *space, const struct boot_request *request)
{
    space->memory = &request->memory;
    space->e820 = request->e820;
    space->taken_count = 0;
}

/* LOW..HIGH isn't RAM: a hole, if RANGE touches it. */
static bool hole_between(uint64_t low, uint64_t high, struct boot_range range,
                         struct boot_range *hole)
{
    if (low >= high || range.end <= low || range.base >= high)
        return false;
    *hole = (struct boot_range){low, high};
    return true;
}

static bool hole_in_map(const struct e820_map *map, struct boot_range range,
                        struct boot_range *hole)
{
    uint64_t covered = 0;
    for (unsigned i = 0; i < map->count; i++) {
        const struct e820_entry *entry = &map->entries[i];
        if (entry->type != E820_RAM)
            continue;
        if (hole_between(covered, entry->base, range, hole))
            return true;
        covered = entry->base + entry->size;
    }
    return hole_between(covered, UINT64_MAX, range, hole);
}

static bool hole_in_memory(const struct guest_memory *memory, struct boot_range range,
                           struct boot_range *hole)
{
    uint64_t covered = 0;
    for (unsigned i = 0; i < memory->count; i++) {
        const struct place_extent *extent = &memory->extents[i];
        if (hole_between(covered, extent->gpa.v, range, hole))
            return true;
        covered = extent->gpa.v + extent->size;
    }
    return hole_between(covered, UINT64_MAX, range, hole);
}

static bool hole_taken(const struct boot_space *space, struct boot_range range,
                       struct boot_range *hole)
{
    for (unsigned i = 0; i < space->taken_count; i++) {
        if (hole_between(space->taken[i].base, space->taken[i].end, range, hole))
            return true;
    }
    return false;
}

bool boot_space_is_free(const struct boot_space *space, struct boot_range range,
                        struct boot_range *hole)
{
    return !hole_taken(space, range, hole) && !hole_in_map(space->e820, range, hole) &&
           !hole_in_memory(space->memory, range, hole);
}

bool boot_space_mark(struct boot_space *space, struct boot_range range)
{
    if (space->taken_count == BOOT_TAKEN_MAX)
        return false;
    space->taken[space->taken_count++] = range;
    return true;
}

bool boot_space_take_low(struct boot_space *space, uint64_t size, uint64_t align,
                         struct boot_range within, uint64_t *base)
{
    struct boot_range range, hole;
    for (uint64_t at = align_up(within.base, align);; at = align_up(hole.end, align)) {
        if (at > within.end || size > within.end - at)
            return false;
        range = (struct boot_range){at, at + size};
        if (boot_space_is_free(space, range, &hole))
            break;
        if (hole.end >= within.end) /* also keeps align_up from wrapping round */
            return false;
    }
    *base = range.base;
    return boot_space_mark(space, range);
}

bool boot_space_take_high(struct boot_space *space, uint64_t size, uint64_t align,
                          struct boot_range within, uint64_t *base)
{
    struct boot_range range, hole;
    for (uint64_t top = within.end;; top = hole.base) {
        if (top < size || align_down(top - size, align) < within.base)
            return false;
        range.base = align_down(top - size, align);
        range.end = range.base + size;
        if (boot_space_is_free(space, range, &hole))
            break;
    }
    *base = range.base;
    return boot_space_mark(space, range);
}
