/* SPDX-License-Identifier: Apache-2.0 */
/* Disassembles executable sections from symbol to symbol, so that what is not code loses nothing
 * else. */
#include "sweep.h"

#include <stdlib.h>

#include "entry.h"
#include "exclude.h"
#include "fail.h"

#define PADDING 0xcc /* int3, between functions */

struct start {
    uint64_t address, skip; /* bytes that are data, not code */
};

struct starts {
    struct start *list;
    size_t count;
};

static int by_address(const void *left, const void *right)
{
    const struct start *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* Where to start anew in this section: at each function and label, and behind each variable. */
static struct starts find_starts(const struct image *image, const struct section *section)
{
    struct starts starts = {.list = allocate(image->symbol_count + 2, sizeof(struct start))};
    struct area text = area_text(image);
    starts.list[starts.count++] = (struct start){section->address, 0};
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct symbol *symbol = &image->symbols[i];
        uint64_t offset = symbol->address - section->address;
        if (symbol->section != section->index || offset >= section->size || symbol->name[0] == '\0')
            continue;
        uint64_t skip = symbol->type == SYMBOL_OBJECT ? symbol->size : 0;
        if (!image->relocatable && text.size > 0 && symbol->address == text.address)
            skip = text.size;
        starts.list[starts.count++] = (struct start){symbol->address, skip};
    }
    qsort(starts.list, starts.count, sizeof(struct start), by_address);
    starts.list[starts.count++] = (struct start){section->address + section->size, 0};
    return starts;
}

static void add(struct sweep *sweep, const struct section *section,
                const struct instruction *instruction)
{
    if (sweep->count == sweep->room) {
        sweep->room = sweep->room > 0 ? sweep->room * 2 : 1024;
        sweep->list = realloc(sweep->list, sweep->room * sizeof(struct found));
        if (sweep->list == NULL)
            fail("no memory for %zu instructions", sweep->room);
    }
    sweep->list[sweep->count++] = (struct found){instruction->address, section, instruction->kind};
}

/* From FROM to END; in a PVH entry, 32-bit code up to its far jump. */
static void sweep_range(struct sweep *sweep, const struct section *section, enum mode mode,
                        uint64_t from, uint64_t end)
{
    while (from < end) {
        const uint8_t *bytes = section_bytes(section, from, end - from);
        struct instruction found = decode(mode, bytes, end - from, from);
        sweep->instructions += found.known && bytes[0] != PADDING;
        sweep->unknown_bytes += !found.known;
        if (found.kind != AFTERBURN_NONE)
            add(sweep, section, &found);
        if (mode == MODE_32 && found.far_jump)
            mode = MODE_64;
        from += found.length;
    }
}

static void sweep_section(const struct image *image, struct sweep *sweep,
                          const struct section *section)
{
    struct starts starts = find_starts(image, section);
    uint64_t entry = 0, physical, at = section->address;
    bool has_entry = image->bits == 64 && !image->relocatable && entry_find_pvh(image, &entry);
    enum mode own = image->bits == 64 ? MODE_64 : MODE_32;
    for (size_t i = 0; i + 1 < starts.count; i++) {
        uint64_t from = starts.list[i].address, end = starts.list[i + 1].address;
        if (from < at)
            from = at;
        if (starts.list[i].skip > 0 && starts.list[i].address + starts.list[i].skip > at)
            at = from = starts.list[i].address + starts.list[i].skip;
        if (from >= end)
            continue;
        bool is_entry = has_entry && image_physical(image, from, &physical) && physical == entry;
        sweep_range(sweep, section, is_entry ? MODE_32 : own, from, end);
        at = end;
    }
    free(starts.list);
}

void sweep_run(const struct image *image, struct sweep *sweep)
{
    *sweep = (struct sweep){0};
    for (size_t i = 0; i < image->section_count; i++)
        if (image->sections[i].executable)
            sweep_section(image, sweep, &image->sections[i]);
}
