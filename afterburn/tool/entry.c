/* SPDX-License-Identifier: Apache-2.0 */
/* Where a guest is entered: the note that loaders of PVH guests look for. */
#include "entry.h"

#include <string.h>

#include "fail.h"

#define NOTE_PHYS32_ENTRY 18u /* XEN_ELFNOTE_PHYS32_ENTRY */

struct note {
    uint32_t name_size, size, type;
};

static uint64_t rounded(uint32_t size)
{
    return ((uint64_t)size + 3) & ~(uint64_t)3;
}

/* Looks through one section of notes. */
static bool find_in(const struct section *section, uint64_t *physical)
{
    uint64_t at = 0;
    while (section->bytes != NULL && section->size - at >= sizeof(struct note)) {
        struct note note;
        memcpy(&note, section->bytes + at, sizeof(note));
        uint64_t name = at + sizeof(note), content = name + rounded(note.name_size);
        uint64_t next = content + rounded(note.size);
        if (next > section->size)
            return false;
        if (note.type == NOTE_PHYS32_ENTRY && note.name_size == 4 && note.size >= 4 &&
            note.size <= 8 && memcmp(section->bytes + name, "Xen", 4) == 0) {
            *physical = 0;
            memcpy(physical, section->bytes + content, note.size);
            return true;
        }
        at = next;
    }
    return false;
}

bool entry_find_pvh(const struct image *image, uint64_t *physical)
{
    for (size_t i = 0; i < image->section_count; i++)
        if (strncmp(image->sections[i].name, ".note", 5) == 0 &&
            find_in(&image->sections[i], physical))
            return true;
    return false;
}

uint64_t entry_pvh(const struct image *image)
{
    uint64_t physical;
    if (!entry_find_pvh(image, &physical))
        fail("%s: no PVH entry (ELF note Xen, type %u); configure Linux with CONFIG_PVH=y, or name "
             "another entry with --entry linux32",
             image->path, NOTE_PHYS32_ENTRY);
    return physical;
}
