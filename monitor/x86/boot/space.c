/* SPDX-License-Identifier: Apache-2.0 */
/* A first-fit allocator over the map that a guest sees, cut down to memory that it really has. */
#include "x86/boot/load.h"

/* If the map is full, the rest of the RAM is not used: that is safe, and enough for any loader. */
void boot_space_init(struct boot_space *space, const struct boot_request *request)
{
    const struct e820_map *map = request->e820;
    space->memory = &request->memory;
    space->map.count = 0;
    for (unsigned i = 0; i < map->count; i++) {
        for (unsigned j = 0; map->entries[i].type == E820_RAM && j < space->memory->count; j++) {
            const struct place_extent *extent = &space->memory->extents[j];
            struct boot_range ram = {extent->gpa.v, extent->gpa.v + extent->size};
            ram = range_common(e820_range(&map->entries[i]), ram);
            if (ram.base < ram.end)
                (void)e820_set(&space->map, ram.base, ram.end - ram.base, E820_RAM);
        }
    }
}

bool boot_space_take(struct boot_space *space, enum boot_end which, struct boot_range within,
                     uint64_t size, uint64_t align, uint64_t *base)
{
    bool found = false;
    for (unsigned i = 0; i < space->map.count && !(found && which == BOOT_LOWEST); i++) {
        struct boot_range range = range_common(e820_range(&space->map.entries[i]), within);
        if (space->map.entries[i].type != E820_RAM || range.base >= range.end ||
            size > range.end - range.base)
            continue;
        uint64_t last = range.end - size; /* where it may begin */
        uint64_t at = which == BOOT_LOWEST ? align_up(range.base, align) : align_down(last, align);
        if (at < range.base || at > last)
            continue;
        *base = at;
        found = true;
    }
    return found && e820_set(&space->map, *base, size, E820_RESERVED);
}

bool boot_space_put(struct boot_space *space, const void *data, uint64_t size, uint64_t *base)
{
    struct boot_range within = {BOOT_LOW_START, BOOT_TOP};
    return boot_space_take(space, BOOT_LOWEST, within, align_up(size, PAGE_SIZE), PAGE_SIZE,
                           base) &&
           (data != NULL ? guest_write(space->memory, (gpa_t){*base}, data, size)
                         : guest_clear(space->memory, (gpa_t){*base}, size));
}

bool boot_space_put_module(struct boot_space *space, const struct boot_module *module, uint64_t end,
                           uint64_t *base)
{
    struct boot_range within = {BOOT_LOW_START, end};
    return boot_space_take(space, BOOT_HIGHEST, within, module->size, PAGE_SIZE, base) &&
           guest_write(space->memory, (gpa_t){*base}, module->data, module->size);
}
