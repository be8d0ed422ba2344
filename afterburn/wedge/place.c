/* SPDX-License-Identifier: Apache-2.0 */
/* Where things go: segments as they are linked, the pack out of their way with its initrd in it. */
#include "boot.h"

/* Firmware keeps ACPI tables at the end of the RAM, and QEMU's map for PVH calls that RAM, too. */
#define FIRMWARE_ROOM 0x40000ull

struct place {
    const struct boot *boot;
    const struct afterburn_segment *segments;
    uint64_t count;
    struct place_range wedge;
    uint64_t size;   /* of the pack */
    uint64_t offset; /* in it: where a page begins */
};

static bool overlap(struct place_range a, struct place_range b)
{
    return a.base < b.end && b.base < a.end;
}

static struct place_range segment_range(const struct afterburn_segment *segment)
{
    return (struct place_range){segment->physical, segment->physical + segment->memory_size};
}

/* Is all of RANGE in RAM, if need be in several entries of the memory map? */
static bool is_ram(const struct boot *boot, struct place_range range)
{
    for (unsigned i = 0; i < boot->start.memory_entries && range.base < range.end; i++) {
        const struct start_memory *entry = &boot->memory[i];
        if (entry->type == MEMORY_RAM && entry->base <= range.base &&
            range.base - entry->base < entry->size) {
            range.base = entry->base + entry->size;
            i = UINT32_MAX; /* the next part may be in an entry before this one */
        }
    }
    return range.base >= range.end;
}

static bool is_free(const struct place *place, uint64_t base)
{
    struct place_range range = {base, base + place->size};
    for (uint64_t i = 0; i < place->count; i++)
        if (overlap(range, segment_range(&place->segments[i])))
            return false;
    return !overlap(range, place->wedge) && is_ram(place->boot, range);
}

/* The better of BEST and the highest good address for the pack that ends below LIMIT. */
static uint64_t try_below(const struct place *place, uint64_t best, uint64_t limit)
{
    if (limit < place->size + PAGE)
        return best;
    uint64_t base = ((limit - place->size + place->offset) & ~(PAGE - 1)) - place->offset;
    return base > best && is_free(place, base) ? base : best;
}

static uint64_t find_highest(const struct place *place)
{
    uint64_t best = 0;
    for (unsigned i = 0; i < place->boot->start.memory_entries; i++) {
        const struct start_memory *entry = &place->boot->memory[i];
        uint64_t end = entry->base + entry->size;
        if (entry->type == MEMORY_RAM && entry->size > FIRMWARE_ROOM && end > entry->base)
            best = try_below(place, best, (end < 4 * GIB ? end : 4 * GIB) - FIRMWARE_ROOM);
    }
    for (uint64_t i = 0; i < place->count; i++)
        best = try_below(place, best, place->segments[i].physical);
    return try_below(place, best, place->wedge.base);
}

static const char *check_memory(const struct place *place)
{
    for (uint64_t i = 0; i < place->count; i++) {
        struct place_range range = segment_range(&place->segments[i]);
        if (!is_ram(place->boot, range))
            return wedge_error("the guest needs RAM from %lx to %lx, and the machine's ends at %lx "
                               "or has a hole there; give it more memory",
                               range.base, range.end, boot_memory_top(place->boot));
        if (overlap(range, place->wedge))
            return wedge_error("the guest's segment from %lx to %lx overlaps the wedge's %lx to "
                               "%lx; link the guest elsewhere",
                               range.base, range.end, place->wedge.base, place->wedge.end);
    }
    return NULL;
}

static void load_segments(const uint8_t *pack, const struct afterburn_segment *segments,
                          uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *to = (uint8_t *)(uintptr_t)segments[i].physical;
        memcpy(to, pack + segments[i].offset, segments[i].file_size);
        memset(to + segments[i].file_size, 0, segments[i].memory_size - segments[i].file_size);
    }
}

const char *place_guest(struct boot *boot, struct place_range wedge)
{
    const struct afterburn_pack *pack = (const void *)(uintptr_t)boot->pack.address;
    struct place place = {
        .boot = boot, .wedge = wedge, .size = pack->size, .offset = pack->initrd.offset % PAGE};
    place.segments = pack_segments(pack, &place.count);
    const char *error = check_memory(&place);
    if (error != NULL)
        return error;
    uint64_t base = boot->pack.address;
    if ((base + place.offset) % PAGE != 0 || !is_free(&place, base))
        base = find_highest(&place);
    if (base == 0)
        return wedge_error(
            "the pack's %lu bytes do not fit into the memory beside the guest, which "
            "ends at %lx; give it more memory",
            pack->size, boot_memory_top(boot));
    memmove((void *)(uintptr_t)base, pack, pack->size);
    boot->pack.address = base;
    place.segments = pack_segments((const void *)(uintptr_t)base, &place.count);
    load_segments((const uint8_t *)(uintptr_t)base, place.segments, place.count);
    return NULL;
}
