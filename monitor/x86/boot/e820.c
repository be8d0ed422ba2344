/* SPDX-License-Identifier: Apache-2.0 */
/* The memory map that a guest sees: sorted, without overlaps, neighbours of one type merged. */
#include "lib/string.h"
#include "x86/boot/guest.h"

static uint64_t entry_end(const struct e820_entry *entry)
{
    return entry->base + entry->size;
}

static void entry_remove(struct e820_map *map, unsigned at)
{
    map->count--;
    memmove(&map->entries[at], &map->entries[at + 1], (map->count - at) * sizeof(map->entries[0]));
}

static void entry_insert(struct e820_map *map, unsigned at, struct e820_entry entry)
{
    memmove(&map->entries[at + 1], &map->entries[at], (map->count - at) * sizeof(map->entries[0]));
    map->entries[at] = entry;
    map->count++;
}

/* Entries that the map will have, before merging, once BASE..END is its own entry. */
static unsigned map_count_after(const struct e820_map *map, uint64_t base, uint64_t end)
{
    unsigned count = map->count + 1;
    for (unsigned i = 0; i < map->count; i++) {
        const struct e820_entry *entry = &map->entries[i];
        if (entry->base >= base && entry_end(entry) <= end)
            count--;
        else if (entry->base < base && entry_end(entry) > end)
            count++;
    }
    return count;
}

/* Make BASE..END free of entries; the index of the first entry behind it. */
static unsigned map_carve(struct e820_map *map, uint64_t base, uint64_t end)
{
    unsigned at = 0;
    while (at < map->count && map->entries[at].base < end) {
        struct e820_entry *entry = &map->entries[at];
        uint64_t old_end = entry_end(entry);
        struct e820_entry tail = {end, old_end - end, entry->type};
        if (old_end <= base) {
            at++;
        } else if (entry->base < base) {
            entry->size = base - entry->base;
            at++;
            if (old_end > end)
                entry_insert(map, at, tail);
        } else if (old_end <= end) {
            entry_remove(map, at);
        } else {
            *entry = tail;
        }
    }
    return at;
}

static void map_merge_next(struct e820_map *map, unsigned at)
{
    if (at + 1 >= map->count)
        return;
    struct e820_entry *entry = &map->entries[at];
    const struct e820_entry *next = &map->entries[at + 1];
    if (entry->type != next->type || entry_end(entry) != next->base)
        return;
    entry->size += next->size;
    entry_remove(map, at + 1);
}

bool e820_set(struct e820_map *map, uint64_t base, uint64_t size, uint32_t type)
{
    if (size == 0)
        return true;
    if (size > UINT64_MAX - base || map_count_after(map, base, base + size) > E820_MAX)
        return false;
    unsigned at = map_carve(map, base, base + size);
    entry_insert(map, at, (struct e820_entry){base, size, type});
    map_merge_next(map, at);
    if (at > 0)
        map_merge_next(map, at - 1);
    return true;
}
