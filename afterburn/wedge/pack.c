/* SPDX-License-Identifier: Apache-2.0 */
/* The pack: whole, unchanged, of a version that we know, and nothing in it points outside. */
#include "boot.h"
#include "format/format.h"

static const char *damaged(const char *what, uint64_t at, uint64_t size)
{
    return wedge_error("the pack is damaged: its %s at %lx (%lu bytes); pack it again", what, at,
                       size);
}

static bool inside(uint64_t base, uint64_t size, uint64_t first, uint64_t all)
{
    return base >= first && base - first <= all && size <= all - (base - first);
}

uint32_t pack_checksum(const struct afterburn_pack *pack)
{
    static const uint8_t zero[sizeof(pack->checksum)];
    const uint64_t at = offsetof(struct afterburn_pack, checksum), next = at + sizeof(zero);
    uint32_t sum = crc32_add(crc32_add(0, (const uint8_t *)pack, at), zero, sizeof(zero));
    return crc32_add(sum, (const uint8_t *)pack + next, pack->size - next);
}

static const char *check_file(const struct afterburn_pack *pack, uint64_t size)
{
    if (size < sizeof(pack->magic) ||
        memcmp(pack->magic, AFTERBURN_MAGIC, sizeof(pack->magic)) != 0)
        return wedge_error("the module (%lu bytes) is no pack; make one: afterburn pack", size);
    if (size >= sizeof(*pack) && pack->version != AFTERBURN_VERSION)
        return wedge_error(
            "the pack has version %u, this wedge knows %u; build both from one release",
            pack->version, AFTERBURN_VERSION);
    if (size < sizeof(*pack) || size < pack->size)
        return wedge_error("the pack is truncated: %lu of %lu bytes; pack it again", size,
                           size < sizeof(*pack) ? sizeof(*pack) : pack->size);
    if (pack->size < sizeof(*pack) || pack->header_size < sizeof(*pack) ||
        pack->name[sizeof(pack->name) - 1] != '\0')
        return damaged("header", 0, pack->header_size);
    uint32_t sum = pack_checksum(pack);
    return sum == pack->checksum ? NULL
                                 : wedge_error("the pack is damaged: its CRC-32 is %08x, not "
                                               "%08x; pack it again",
                                               sum, pack->checksum);
}

static const char *in_file(const struct afterburn_pack *pack, const char *what,
                           struct afterburn_range range, uint64_t align)
{
    if (inside(range.offset, range.size, 0, pack->size) && range.offset % align == 0)
        return NULL;
    return damaged(what, range.offset, range.size);
}

static const char *check_segments(const struct afterburn_pack *pack)
{
    const struct segments all = pack_segments(pack);
    for (const struct afterburn_segment *one = all.first; one < all.end; one++) {
        bool good = inside(one->offset, one->file_size, 0, pack->size) &&
                    one->file_size <= one->memory_size &&
                    inside(one->physical, one->memory_size, 0, 4 * GIB);
        for (const struct afterburn_segment *other = all.first; good && other < one; other++)
            good = one->physical >= other->physical + other->memory_size ||
                   other->physical >= one->physical + one->memory_size;
        if (!good)
            return damaged("segment", one->physical, one->memory_size);
    }
    return NULL;
}

/* Of nothing, or of what one segment loads or clears. */
static const char *in_segment(const struct afterburn_pack *pack, const char *what, uint64_t base,
                              uint64_t size)
{
    const struct segments all = pack_segments(pack);
    for (const struct afterburn_segment *one = all.first; one < all.end; one++)
        if (inside(base, size, one->physical, one->memory_size))
            return NULL;
    return size == 0 ? NULL : damaged(what, base, size);
}

/* Sites that the pack excludes are not touched, wherever they are. */
static const char *check_sites(const struct afterburn_pack *pack)
{
    const struct afterburn_site *sites = (const void *)((const uint8_t *)pack + pack->sites.offset);
    const char *error = NULL;
    uint64_t end = 0;
    for (uint64_t i = 0; error == NULL && i < pack->sites.size / sizeof(*sites); i++) {
        const struct afterburn_site *site = &sites[i];
        if ((site->flags & AFTERBURN_EXCLUDED) != 0)
            continue;
        error = site->physical < end || site->before + site->length > site->size
                    ? damaged("site", site->physical, site->size)
                    : in_segment(pack, "site", site->physical, site->size);
        end = site->physical + site->size;
    }
    return error;
}

/* Functions that may be hooked; of the guest's variables nothing is read before it runs. */
static const char *check_symbols(const struct afterburn_pack *pack)
{
    const struct afterburn_symbol *symbols =
        (const void *)((const uint8_t *)pack + pack->symbols.offset);
    const char *error = NULL;
    for (uint64_t i = 0; error == NULL && i < pack->symbols.size / sizeof(*symbols); i++)
        if (symbols[i].prologue != 0)
            error = in_segment(pack, "function", symbols[i].value + symbols[i].skip,
                               symbols[i].prologue);
    return error;
}

const char *pack_check(const struct afterburn_pack *pack, uint64_t size)
{
    return check_file(pack, size)
               ?: in_file(pack, "segments", pack->segments, 8)
               ?: in_file(pack, "sites", pack->sites, 8)
               ?: in_file(pack, "symbols", pack->symbols, 8)
               ?: in_file(pack, "initrd", pack->initrd, 1)
               ?: in_file(pack, "command line", pack->cmdline, 1)
               ?: check_segments(pack)
               ?: in_segment(pack, "entry", pack->entry, 1)
               ?: in_segment(pack, "text area", pack->text_area, pack->text_area_size)
               ?: in_segment(pack, "data area", pack->data_area, pack->data_area_size)
               ?: in_segment(pack, "exception table", pack->ex_table, pack->ex_table_size)
               ?: check_sites(pack)
               ?: check_symbols(pack);
}
