/* SPDX-License-Identifier: Apache-2.0 */
/* The memory map that a guest sees: sorted, without overlaps, neighbours of one type merged. */
#include "x86/boot/load.h"

/* Add RANGE, unless it is empty, behind all others. False if the map is full. */
static bool map_append(struct e820_map *map, struct boot_range range, uint32_t type)
{
    struct e820_entry *next = &map->entries[map->count];
    if (range.base >= range.end)
        return true;
    if (map->count > 0 && next[-1].type == type && e820_range(&next[-1]).end == range.base) {
        next[-1].size += range.end - range.base;
        return true;
    }
    if (map->count == E820_MAX)
        return false;
    *next = (struct e820_entry){range.base, range.end - range.base, type};
    map->count++;
    return true;
}

/* The map is made anew: what lies before the range, the range, what lies behind it. */
bool e820_set(struct e820_map *map, uint64_t base, uint64_t size, uint32_t type)
{
    struct boot_range before = {0, base}, range = {base, base + size},
                      behind = {base + size, UINT64_MAX};
    const struct e820_entry *end = &map->entries[map->count];
    struct e820_map next;
    bool fits = true;
    next.count = 0;
    if (size == 0)
        return true;
    if (size > UINT64_MAX - base)
        return false;
    for (const struct e820_entry *entry = map->entries; entry < end; entry++)
        fits &= map_append(&next, range_common(e820_range(entry), before), entry->type);
    fits &= map_append(&next, range, type);
    for (const struct e820_entry *entry = map->entries; entry < end; entry++)
        fits &= map_append(&next, range_common(e820_range(entry), behind), entry->type);
    if (fits)
        *map = next;
    return fits;
}
