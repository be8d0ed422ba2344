/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the records that a prelude has left in an ELF file. */
#include "sites.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static const struct section *records_of(const struct image *image)
{
    const struct section *section = image_section(image, AFTERBURN_SECTION);
    if ((section == NULL || section->size == 0) && image->relocatable)
        return NULL; /* a module may have nothing sensitive */
    if (section == NULL || section->size == 0)
        fail("%s: no records (section " AFTERBURN_SECTION
             " is missing or empty); assemble it with the prelude, and keep that section if you "
             "strip: strip --strip-debug --keep-section=" AFTERBURN_SECTION,
             image->path);
    if (section->bytes == NULL || section->size % sizeof(struct afterburn_record) != 0)
        fail("%s: section " AFTERBURN_SECTION " has %llu bytes, not a multiple of %zu; it was "
             "written by other means, or the file is damaged: build it again",
             image->path, (unsigned long long)section->size, sizeof(struct afterburn_record));
    return section;
}

/* How this mode encodes `inc %eax`. */
static enum mode mode_of(const struct image *image, const struct afterburn_record *record)
{
    static const uint8_t bytes[MODES][2] = {{0xff, 0xc0}, {0x40, 0}, {0x66, 0x40}};
    for (int mode = 0; mode < MODES; mode++)
        if (memcmp(record->mode, bytes[mode], 2) == 0)
            return (enum mode)mode;
    fail("%s: a record has mode bytes %02x %02x, which no prelude writes; its format is another "
         "version's: build it again",
         image->path, record->mode[0], record->mode[1]);
}

static struct site site_of(const struct image *image, const struct afterburn_record *record)
{
    if (record->kind == AFTERBURN_NONE || record->kind >= AFTERBURN_KINDS || record->length == 0 ||
        record->before + record->length > record->size)
        fail(
            "%s: a record has kind %u, size %u, length %u, which no prelude writes; build it again",
            image->path, record->kind, record->size, record->length);
    return (struct site){.size = record->size,
                         .before = record->before,
                         .length = record->length,
                         .kind = record->kind,
                         .mode = mode_of(image, record)};
}

/* In an object file a relocation says where the site is. */
static void read_relocatable(const struct image *image, const struct section *section,
                             struct sites *sites)
{
    size_t count;
    struct relocation *places = image_relocations(image, section, &count);
    size_t next = 0;
    for (uint64_t at = 0; at < section->size; at += sizeof(struct afterburn_record)) {
        struct afterburn_record record;
        memcpy(&record, section->bytes + at, sizeof(record));
        while (next < count && places[next].place < at)
            next++;
        if (next == count || places[next].place != at) {
            sites->discarded++;
            continue;
        }
        struct site site = site_of(image, &record);
        site.address = places[next].target;
        site.section = image_section_by_index(image, places[next].section);
        sites->list[sites->count++] = site;
    }
    free(places);
}

static void read_linked(const struct image *image, const struct section *section,
                        struct sites *sites)
{
    for (uint64_t at = 0; at < section->size; at += sizeof(struct afterburn_record)) {
        struct afterburn_record record;
        memcpy(&record, section->bytes + at, sizeof(record));
        if (record.site == 0) { /* the linker's value for what it has left out */
            sites->discarded++;
            continue;
        }
        struct site site = site_of(image, &record);
        site.address = section->address + at + (uint64_t)(int64_t)record.site;
        if (image->bits == 32)
            site.address = (uint32_t)site.address;
        site.section = image_section_at(image, site.address);
        sites->list[sites->count++] = site;
    }
}

static int by_address(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    if (a->section != b->section)
        return (a->section > b->section) - (a->section < b->section);
    return (a->address > b->address) - (a->address < b->address);
}

void sites_read(const struct image *image, struct sites *sites)
{
    const struct section *section = records_of(image);
    size_t size = section != NULL ? section->size : 0;
    *sites = (struct sites){0};
    sites->list = allocate(size / sizeof(struct afterburn_record), sizeof(struct site));
    if (section == NULL)
        return;
    if (image->relocatable)
        read_relocatable(image, section, sites);
    else
        read_linked(image, section, sites);
    qsort(sites->list, sites->count, sizeof(struct site), by_address);
}

const uint8_t *site_bytes(const struct site *site)
{
    return site->section != NULL ? section_bytes(site->section, site->address, site->size) : NULL;
}
