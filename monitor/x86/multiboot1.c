/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot 1 information (Multiboot specification 0.6.96, 3.3). */
#include "x86/boot_info.h"

#define FLAG_COMMAND     (1u << 2)
#define FLAG_MODULES     (1u << 3)
#define FLAG_MEMORY_MAP  (1u << 6)
#define FLAG_FRAMEBUFFER (1u << 12)
#define FRAMEBUFFER_RGB  1u

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table, boot_loader_name, apm_table;
    uint32_t vbe_control_info, vbe_mode_info;
    uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    uint64_t framebuffer_addr;
    uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
    uint8_t framebuffer_bpp, framebuffer_type;
    uint8_t framebuffer_colours[6];
} __attribute__((packed));
_Static_assert(offsetof(struct multiboot_info, framebuffer_addr) == 88, "Multiboot 0.6.96");

struct multiboot_module {
    uint32_t start, end, string, reserved;
};

struct multiboot_range {
    uint32_t entry_size; /* not counting itself */
    uint64_t base, size;
    uint32_t type;
} __attribute__((packed));

static const char *read_map(const struct multiboot_info *info, struct boot_info *boot)
{
    if ((info->flags & FLAG_MEMORY_MAP) == 0)
        return "the boot loader gives no memory map; use one that speaks Multiboot in full";
    uint64_t at = info->mmap_addr;
    uint64_t end = at + info->mmap_length;
    while (at + sizeof(struct multiboot_range) <= end) {
        const struct multiboot_range *range = (const struct multiboot_range *)at;
        if (!e820_set(&boot->map, range->base, range->size, range->type))
            return "the firmware's memory map has too many entries";
        at += range->entry_size + sizeof(range->entry_size);
    }
    return NULL;
}

static const char *read_modules(const struct multiboot_info *info, struct boot_info *boot)
{
    if ((info->flags & FLAG_MODULES) == 0)
        return NULL;
    const struct multiboot_module *list = (const void *)(uint64_t)info->mods_addr;
    for (uint32_t i = 0; i < info->mods_count; i++) {
        const char *string = (const char *)(uint64_t)list[i].string;
        const char *error = boot_add_module(boot, string, list[i].start, list[i].end);
        if (error != NULL)
            return error;
    }
    return NULL;
}

static void read_framebuffer(const struct multiboot_info *info, struct boot_info *boot)
{
    if ((info->flags & FLAG_FRAMEBUFFER) == 0 || info->framebuffer_type != FRAMEBUFFER_RGB)
        return;
    boot_set_framebuffer(boot, info->framebuffer_addr, info->framebuffer_pitch,
                         info->framebuffer_width, info->framebuffer_height, info->framebuffer_bpp,
                         info->framebuffer_colours);
}

const char *boot_read_multiboot1(uint64_t information, struct boot_info *boot)
{
    const struct multiboot_info *info = (const struct multiboot_info *)information;
    read_framebuffer(info, boot);
    if ((info->flags & FLAG_COMMAND) != 0)
        boot_read_command(boot, (const char *)(uint64_t)info->cmdline);
    const char *error = read_map(info, boot);
    return error != NULL ? error : read_modules(info, boot);
}
