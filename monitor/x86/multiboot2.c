/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot 2 information (Multiboot2 specification 2.0, 3.6): what GRUB hands over. */
#include "core/log.h"
#include "lib/string.h"
#include "x86/boot_info.h"

#define TAG_END         0u
#define TAG_COMMAND     1u
#define TAG_MODULE      3u
#define TAG_MEMORY_MAP  6u
#define TAG_FRAMEBUFFER 8u
#define TAG_EFI_64      12u
#define TAG_ACPI_OLD    14u
#define TAG_ACPI_NEW    15u
#define TAG_EFI_MAP     17u
#define TAG_ALIGN       8u
#define FRAMEBUFFER_RGB 1u

struct tag {
    uint32_t type, size; /* with this header */
};

struct tag_module {
    struct tag tag;
    uint32_t start, end;
    char string[];
};

struct tag_memory_map {
    struct tag tag;
    uint32_t entry_size, entry_version;
};

struct memory_map_entry {
    uint64_t base, size;
    uint32_t type, reserved;
};

struct tag_framebuffer {
    struct tag tag;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits_per_pixel, kind;
    uint16_t reserved;
    uint8_t colours[6];
} __attribute__((packed));
_Static_assert(offsetof(struct tag_framebuffer, colours) == 32, "Multiboot2 3.6.12");

struct tag_efi {
    struct tag tag;
    uint64_t system_table;
};

struct tag_efi_map {
    struct tag tag;
    uint32_t stride, version;
    uint8_t map[];
};

static const char *read_map(const struct tag_memory_map *map, struct boot_info *boot)
{
    uint64_t at = (uint64_t)(map + 1);
    uint64_t end = (uint64_t)map + map->tag.size;
    if (map->entry_size < sizeof(struct memory_map_entry) || map->entry_size % TAG_ALIGN != 0)
        return "the boot loader's memory map has entries of an unknown form";
    for (; at + map->entry_size <= end; at += map->entry_size) {
        const struct memory_map_entry *entry = (const struct memory_map_entry *)at;
        if (!e820_set(&boot->map, entry->base, entry->size, entry->type))
            return "the firmware's memory map has too many entries";
    }
    return NULL;
}

static void read_framebuffer(const struct tag_framebuffer *tag, struct boot_info *boot)
{
    if (tag->kind == FRAMEBUFFER_RGB && tag->tag.size >= sizeof(*tag))
        boot_set_framebuffer(boot, tag->address, tag->pitch, tag->width, tag->height,
                             tag->bits_per_pixel, tag->colours);
}

/* The tag holds a copy of the RSDP, in memory that is not ours to keep. */
static void read_rsdp(const struct tag *tag, struct boot_info *boot)
{
    size_t size = tag->size - sizeof(*tag);
    size = size < sizeof(boot->rsdp_copy) ? size : sizeof(boot->rsdp_copy);
    memcpy(boot->rsdp_copy, tag + 1, size);
    boot->rsdp = (uint64_t)boot->rsdp_copy;
}

/* Where its form is not understood, the service VM does without EFI. */
static void read_efi_map(const struct tag_efi_map *tag, struct boot_info *boot)
{
    if (!efi_read_map(&boot->efi, tag->map, tag->tag.size - sizeof(*tag), tag->stride,
                      tag->version))
        log_warning("EFI's memory map has %u bytes in pieces of %u: more than Mullion takes, or in "
                    "an unknown form; the service VM starts without EFI",
                    tag->tag.size, tag->stride);
}

/* The tag lies before END with all that is always in one of its type; a string ends in its tag. */
static bool is_whole(const struct tag *tag, uint64_t end)
{
    static const uint32_t least[] = {[TAG_COMMAND] = sizeof(struct tag),
                                     [TAG_MODULE] = sizeof(struct tag_module),
                                     [TAG_MEMORY_MAP] = sizeof(struct tag_memory_map),
                                     [TAG_FRAMEBUFFER] = offsetof(struct tag_framebuffer, reserved),
                                     [TAG_EFI_64] = sizeof(struct tag_efi),
                                     [TAG_EFI_MAP] = sizeof(struct tag_efi_map)};
    uint32_t size = tag->type < ARRAY_SIZE(least) ? least[tag->type] : 0;
    if (tag->size < sizeof(*tag) || tag->size < size || tag->size > end - (uint64_t)tag)
        return false;
    const char *byte = (const char *)tag + size, *behind = (const char *)tag + tag->size;
    while (byte < behind && *byte != '\0')
        byte++;
    return (tag->type != TAG_MODULE && tag->type != TAG_COMMAND) || byte < behind;
}

static const char *read_tag(const struct tag *tag, struct boot_info *boot)
{
    const struct tag_module *module = (const struct tag_module *)tag;
    switch (tag->type) {
    case TAG_COMMAND:
        boot_read_command(boot, (const char *)(tag + 1));
        return NULL;
    case TAG_MODULE:
        return boot_add_module(boot, module->string, module->start, module->end);
    case TAG_MEMORY_MAP:
        return read_map((const struct tag_memory_map *)tag, boot);
    case TAG_FRAMEBUFFER:
        read_framebuffer((const struct tag_framebuffer *)tag, boot);
        return NULL;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW: /* comes later and wins */
        read_rsdp(tag, boot);
        return NULL;
    case TAG_EFI_64:
        boot->efi.system_table = ((const struct tag_efi *)tag)->system_table;
        return NULL;
    case TAG_EFI_MAP:
        read_efi_map((const struct tag_efi_map *)tag, boot);
        return NULL;
    default:
        return NULL;
    }
}

const char *boot_read_multiboot2(uint64_t information, struct boot_info *boot)
{
    uint64_t end = information + *(const uint32_t *)information;
    const struct tag *tag = (const struct tag *)(information + TAG_ALIGN);
    while ((uint64_t)tag + sizeof(*tag) <= end && tag->type != TAG_END) {
        if (!is_whole(tag, end))
            return "the boot loader's information is damaged";
        const char *error = read_tag(tag, boot);
        if (error != NULL)
            return error;
        tag = (const struct tag *)align_up((uint64_t)tag + tag->size, TAG_ALIGN);
    }
    return boot->map.count > 0 ? NULL : "the boot loader gives no memory map";
}
