/* SPDX-License-Identifier: Apache-2.0 */
/* Where things go: segments as they are linked, the pack out of their way with its initrd in it. */
#include "boot.h"

struct place {
    const struct boot *boot;
    struct segments segments;
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
            i = ~0u; /* the next part may be in an entry before this one */
        }
    }
    return range.base >= range.end;
}

static bool is_free(const struct place *place, uint64_t base)
{
    const struct place_range range = {base, base + place->size};
    const struct afterburn_segment *one = place->segments.first;
    while (one < place->segments.end && !overlap(range, segment_range(one)))
        one++;
    return one == place->segments.end && !overlap(range, place->wedge) &&
           is_ram(place->boot, range);
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
    uint64_t best = try_below(place, 0, place->wedge.base);
    for (const struct afterburn_segment *one = place->segments.first; one < place->segments.end;
         one++)
        best = try_below(place, best, one->physical);
    for (unsigned i = 0; i < place->boot->start.memory_entries; i++) {
        uint64_t end = place->boot->memory[i].base + place->boot->memory[i].size;
        best = try_below(place, best, end < 4 * GIB ? end : 4 * GIB);
    }
    return best;
}

static const char *check_segments(const struct place *place)
{
    const struct place_range wedge = place->wedge;
    for (const struct afterburn_segment *one = place->segments.first; one < place->segments.end;
         one++) {
        struct place_range range = segment_range(one);
        if (!is_ram(place->boot, range))
            return wedge_error("the guest needs RAM from %lx to %lx, and RAM ends at %lx or has "
                               "holes; give the machine more memory",
                               range.base, range.end, boot_memory_top(place->boot));
        if (overlap(range, wedge))
            return wedge_error("the guest's %lx to %lx overlaps the wedge's %lx to %lx; link the "
                               "guest elsewhere",
                               range.base, range.end, wedge.base, wedge.end);
    }
    return NULL;
}

static void load_segments(const struct afterburn_pack *pack)
{
    const struct segments all = pack_segments(pack);
    for (const struct afterburn_segment *one = all.first; one < all.end; one++) {
        uint8_t *to = (uint8_t *)(uintptr_t)one->physical;
        memcpy(to, (const uint8_t *)pack + one->offset, one->file_size);
        memset(to + one->file_size, 0, one->memory_size - one->file_size);
    }
}

const char *place_guest(struct boot *boot, struct place_range wedge)
{
    const struct afterburn_pack *pack = boot_pack(boot);
    const struct place place = {boot, pack_segments(pack), wedge, pack->size,
                                pack->initrd.offset % PAGE};
    uint64_t base = boot->pack.address;
    const char *error = check_segments(&place);
    if (error != NULL)
        return error;
    if ((base + place.offset) % PAGE != 0 || !is_free(&place, base))
        base = find_highest(&place);
    if (base == 0)
        return wedge_error(
            "the pack (%lu bytes) does not fit into RAM (up to %lx) beside the guest; "
            "give the machine more memory",
            pack->size, boot_memory_top(boot));
    memmove((void *)(uintptr_t)base, pack, pack->size);
    boot->pack.address = base;
    load_segments(boot_pack(boot));
    return NULL;
}
