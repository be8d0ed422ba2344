/* SPDX-License-Identifier: Apache-2.0 */
/* The pack: whole, unchanged, of a version that we know, and nothing in it points outside. */
#include "boot.h"

struct span {
    const char *what;
    uint64_t base, size;
};

static bool inside(uint64_t base, uint64_t size, uint64_t first, uint64_t all)
{
    return base >= first && base - first <= all && size <= all - (base - first);
}

const struct afterburn_segment *pack_segments(const struct afterburn_pack *pack, uint64_t *count)
{
    *count = pack->segments.size / sizeof(struct afterburn_segment);
    return (const void *)((const uint8_t *)pack + pack->segments.offset);
}

/* CRC-32 as zlib's, four bits at a time. */
static uint32_t crc(uint32_t sum, const uint8_t *at, uint64_t size)
{
    static uint32_t table[256];
    for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    for (; size > 0; size--)
        sum = sum >> 8 ^ table[(sum ^ *at++) & 0xff];
    return sum;
}

uint32_t pack_checksum(const struct afterburn_pack *pack)
{
    static const uint8_t zero[sizeof(pack->checksum)];
    const uint8_t *bytes = (const uint8_t *)pack;
    const uint64_t at = offsetof(struct afterburn_pack, checksum), next = at + sizeof(zero);
    uint32_t sum = crc(crc(~0u, bytes, at), zero, sizeof(zero));
    return ~crc(sum, bytes + next, pack->size - next);
}

static const char *check_file(const struct afterburn_pack *pack, uint64_t size)
{
    if (size < sizeof(pack->magic) ||
        memcmp(pack->magic, AFTERBURN_MAGIC, sizeof(pack->magic)) != 0)
        return wedge_error("the module of %lu bytes is no pack; make one with `afterburn pack`",
                           size);
    if (size < sizeof(*pack))
        return wedge_error(
            "the pack is truncated: %lu bytes, and its header alone has %lu; pack it "
            "again",
            size, sizeof(*pack));
    if (pack->version != AFTERBURN_VERSION)
        return wedge_error(
            "the pack is of version %u, and this wedge knows %u; build both from one "
            "release",
            pack->version, AFTERBURN_VERSION);
    if (pack->size > size)
        return wedge_error("the pack is truncated: %lu of %lu bytes; pack it again", size,
                           pack->size);
    if (pack->size < sizeof(*pack) || pack->header_size < sizeof(*pack))
        return wedge_error("the pack is damaged: size %lu, header %u; pack it again", pack->size,
                           pack->header_size);
    uint32_t sum = pack_checksum(pack);
    if (sum != pack->checksum)
        return wedge_error("the pack is damaged: its CRC-32 is %08x and should be %08x; pack it "
                           "again",
                           sum, pack->checksum);
    return NULL;
}

static const char *check_ranges(const struct afterburn_pack *pack)
{
    const struct {
        const char *what;
        const struct afterburn_range *range;
        uint64_t unit;
    } ranges[] = {{"segments", &pack->segments, sizeof(struct afterburn_segment)},
                  {"sites", &pack->sites, sizeof(struct afterburn_site)},
                  {"symbols", &pack->symbols, sizeof(struct afterburn_symbol)},
                  {"initrd", &pack->initrd, 1},
                  {"command line", &pack->cmdline, 1}};
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct afterburn_range *range = ranges[i].range;
        if (!inside(range->offset, range->size, 0, pack->size) || range->size % ranges[i].unit != 0)
            return wedge_error("the pack is damaged: its %s at %lu, %lu bytes, are not in its %lu "
                               "bytes; pack it again",
                               ranges[i].what, range->offset, range->size, pack->size);
    }
    return pack->name[sizeof(pack->name) - 1] == '\0'
               ? NULL
               : "the pack is damaged: its name has no end; pack it again";
}

static const char *check_segments(const struct afterburn_pack *pack)
{
    uint64_t count;
    const struct afterburn_segment *all = pack_segments(pack, &count);
    for (uint64_t i = 0; i < count; i++) {
        const struct afterburn_segment *one = &all[i];
        bool good = inside(one->offset, one->file_size, 0, pack->size) &&
                    one->file_size <= one->memory_size &&
                    inside(one->physical, one->memory_size, 0, 4 * GIB);
        for (uint64_t j = 0; good && j < i; j++)
            good = one->physical >= all[j].physical + all[j].memory_size ||
                   all[j].physical >= one->physical + one->memory_size;
        if (!good)
            return wedge_error("the pack is damaged: its segment %lu, %lu bytes for %lx, does not "
                               "fit; pack it again",
                               i, one->file_size, one->physical);
    }
    return NULL;
}

/* Is SPAN in what one segment loads, or if BSS in what it clears as well? */
static bool loaded(const struct afterburn_pack *pack, uint64_t base, uint64_t size, bool bss)
{
    uint64_t count;
    const struct afterburn_segment *all = pack_segments(pack, &count);
    for (uint64_t i = 0; i < count; i++)
        if (inside(base, size, all[i].physical, bss ? all[i].memory_size : all[i].file_size))
            return true;
    return false;
}

static const char *check_addresses(const struct afterburn_pack *pack)
{
    const struct span spans[] = {{"entry", pack->entry, 1},
                                 {"text area", pack->text_area, pack->text_area_size},
                                 {"data area", pack->data_area, pack->data_area_size},
                                 {"exception table", pack->ex_table, pack->ex_table_size}};
    for (unsigned i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        if (spans[i].size != 0 && !loaded(pack, spans[i].base, spans[i].size, i != 0))
            return wedge_error(
                "the pack is damaged: its %s at %lx, %lu bytes, is not in a segment; "
                "pack it again",
                spans[i].what, spans[i].base, spans[i].size);
    return NULL;
}

/* Sites that the pack excludes are not touched, wherever they are. */
static const char *check_sites(const struct afterburn_pack *pack)
{
    const struct afterburn_site *sites = (const void *)((const uint8_t *)pack + pack->sites.offset);
    uint64_t end = 0;
    for (uint64_t i = 0; i < pack->sites.size / sizeof(*sites); i++) {
        const struct afterburn_site *site = &sites[i];
        if ((site->flags & AFTERBURN_EXCLUDED) != 0)
            continue;
        if (site->physical < end || site->before + site->length > site->size ||
            !loaded(pack, site->physical, site->size, false))
            return wedge_error(
                "the pack is damaged: its site %lu at %lx, %u bytes, is not in code; "
                "pack it again",
                i, site->physical, site->size);
        end = site->physical + site->size;
    }
    return NULL;
}

const char *pack_check(const struct afterburn_pack *pack, uint64_t size)
{
    static const char *(*const checks[])(const struct afterburn_pack *) = {
        check_ranges, check_segments, check_addresses, check_sites};
    const char *error = check_file(pack, size);
    for (unsigned i = 0; error == NULL && i < sizeof(checks) / sizeof(checks[0]); i++)
        error = checks[i](pack);
    return error;
}
