/* SPDX-License-Identifier: Apache-2.0 */
/* VMs' memory made of pages that are there only where the map says RAM. */
#include "fuzz_guest.h"

#include <sys/mman.h>

/* As on a PC, up to 1 MiB. */
#define LOW_MAP                                                                                    \
    {0, 0x9f000, E820_RAM},                                                                        \
    {                                                                                              \
        0xe0000, 0x20000, E820_RESERVED                                                            \
    }

static const struct {
    struct fuzz_piece extents[4]; /* in the order of their host addresses; gpa and size */
    struct e820_entry map[12];
} kinds[FUZZ_GUESTS] = {
    {{{8 * MIB, 8 * MIB}, {0, 8 * MIB}}, {LOW_MAP, {MIB, 15 * MIB, E820_RAM}}},
    {{{0, 4 * MIB}}, {LOW_MAP, {MIB, 3 * MIB, E820_RAM}}},
    /* a service VM: the firmware's own, RAM that others have, pieces of a page */
    {{{12 * MIB, 20 * MIB}, {0, 6 * MIB}, {6 * MIB, 2 * MIB}},
     {LOW_MAP,
      {MIB, 2 * MIB, E820_RAM},
      {3 * MIB, PAGE_SIZE, E820_ACPI},
      {3 * MIB + PAGE_SIZE, PAGE_SIZE, E820_RAM},
      {3 * MIB + 2 * PAGE_SIZE, MIB - 2 * PAGE_SIZE, E820_NVS},
      {4 * MIB, 4 * MIB, E820_RAM},
      {8 * MIB, 4 * MIB, E820_RAM}, /* said to be RAM, but not this VM's */
      {12 * MIB, 4 * MIB, E820_RAM},
      {17 * MIB, 15 * MIB, E820_RAM}}},
    /* memory on both sides of 4 GiB */
    {{{4 * GIB, 16 * MIB}, {0, 6 * MIB}},
     {LOW_MAP, {MIB, 5 * MIB, E820_RAM}, {4 * GIB, 16 * MIB, E820_RAM}}},
};

static struct fuzz_guest guests[FUZZ_GUESTS];

/* Let the pages of EXTENT be written that the map calls RAM. */
static void open_ram(const struct e820_map *map, const struct place_extent *extent)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct e820_entry *entry = &map->entries[i];
        uint64_t from = entry->base > extent->gpa.v ? entry->base : extent->gpa.v;
        uint64_t to = entry->base + entry->size, end = extent->gpa.v + extent->size;
        to = to < end ? to : end;
        if (entry->type == E820_RAM && from < to)
            must(mprotect((void *)(uintptr_t)(extent->hpa.v + (from - extent->gpa.v)), to - from,
                          PROT_READ | PROT_WRITE) == 0);
    }
}

static void add_extent(struct fuzz_guest *guest, const struct fuzz_piece *piece, uint64_t host)
{
    struct place_extent new = {{host}, {piece->base}, piece->size, 0};
    unsigned at = guest->memory.count++;
    for (; at > 0 && guest->extents[at - 1].gpa.v > piece->base; at--)
        guest->extents[at] = guest->extents[at - 1];
    guest->extents[at] = new;
    guest->size += piece->size;
    open_ram(&guest->map, &new);
}

static void guest_make(struct fuzz_guest *guest, unsigned kind)
{
    guest->memory.extents = guest->extents;
    for (const struct e820_entry *entry = kinds[kind].map; entry->size != 0; entry++)
        must(e820_set(&guest->map, entry->base, entry->size, entry->type));
    uint64_t size = LARGE_PAGE; /* nothing before, between and behind the extents */
    for (const struct fuzz_piece *piece = kinds[kind].extents; piece->size != 0; piece++)
        size += piece->size + LARGE_PAGE;
    void *host = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(host != MAP_FAILED);
    uint64_t at = (uintptr_t)host + LARGE_PAGE;
    for (const struct fuzz_piece *piece = kinds[kind].extents; piece->size != 0; piece++) {
        add_extent(guest, piece, at);
        at += piece->size + LARGE_PAGE;
    }
}

struct fuzz_guest *fuzz_guest_get(unsigned number)
{
    struct fuzz_guest *guest = &guests[number % FUZZ_GUESTS];
    if (guest->memory.count == 0)
        guest_make(guest, number % FUZZ_GUESTS);
    guest->piece_count = 0;
    return guest;
}

static bool in_map(const struct e820_map *map, uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct e820_entry *entry = &map->entries[i];
        if (entry->type == E820_RAM && base >= entry->base && size <= entry->size &&
            base - entry->base <= entry->size - size)
            return true;
    }
    return false;
}

void fuzz_guest_claim(struct fuzz_guest *guest, uint64_t base, uint64_t size)
{
    must(size <= guest->size && in_map(&guest->map, base, size));
    for (uint64_t at = base; at < base + size; at = align_down(at, PAGE_SIZE) + PAGE_SIZE)
        must(guest_pointer(&guest->memory, (gpa_t){at}, 1) != NULL);
    for (unsigned i = 0; i < guest->piece_count; i++)
        must(base + size <= guest->pieces[i].base ||
             guest->pieces[i].base + guest->pieces[i].size <= base);
    must(guest->piece_count < ARRAY_SIZE(guest->pieces));
    guest->pieces[guest->piece_count++] = (struct fuzz_piece){base, size};
}

void *fuzz_guest_at(const struct fuzz_guest *guest, uint64_t base, uint64_t size)
{
    void *pointer = guest_pointer(&guest->memory, (gpa_t){base}, size);
    must(pointer != NULL);
    return pointer;
}

bool fuzz_guest_holds(const struct fuzz_guest *guest, uint64_t base, const void *data,
                      uint64_t size)
{
    for (uint64_t done = 0, part; done < size; done += part) {
        part = align_down(base + done, PAGE_SIZE) + PAGE_SIZE - (base + done);
        part = part < size - done ? part : size - done;
        if (memcmp(fuzz_guest_at(guest, base + done, part), (const char *)data + done, part) != 0)
            return false;
    }
    return true;
}
