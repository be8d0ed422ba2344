/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot 1 information (Multiboot specification 0.6.96, 3.3). */
#include "lib/string.h"
#include "x86/boot_info.h"

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
    uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
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

/* A module's name: the last word of its string, or with one word the file's base name. */
static void name_of(char *name, const char *string)
{
    const char *start = string;
    for (const char *p = string; *p != '\0'; p++)
        if (*p == ' ' && p[1] != ' ' && p[1] != '\0')
            start = p + 1;
    if (start == string)
        for (const char *p = string; *p != '\0' && *p != ' '; p++)
            if (*p == '/')
                start = p + 1;
    size_t length = 0;
    while (start[length] != '\0' && start[length] != ' ' && length + 1 < CONFIG_PATH_MAX)
        length++;
    memcpy(name, start, length);
    name[length] = '\0';
}

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
        if (i == MAX_MODULES)
            return "more than 64 boot modules";
        name_of(boot->names[i], (const char *)(uint64_t)list[i].string);
        boot->modules[i] = (struct boot_module){
            boot->names[i], (const uint8_t *)(uint64_t)list[i].start, list[i].end - list[i].start};
        boot->module_count++;
    }
    return NULL;
}

static void read_framebuffer(const struct multiboot_info *info, struct boot_info *boot)
{
    if ((info->flags & FLAG_FRAMEBUFFER) == 0 || info->framebuffer_type != FRAMEBUFFER_RGB)
        return;
    boot->firmware.has_framebuffer = true;
    boot->firmware.framebuffer.base = info->framebuffer_addr;
    boot->firmware.framebuffer.width = info->framebuffer_width;
    boot->firmware.framebuffer.height = info->framebuffer_height;
    boot->firmware.framebuffer.pitch = info->framebuffer_pitch;
    boot->firmware.framebuffer.bits_per_pixel = info->framebuffer_bpp;
    boot->firmware.framebuffer.red_pos = info->red_pos;
    boot->firmware.framebuffer.red_size = info->red_size;
    boot->firmware.framebuffer.green_pos = info->green_pos;
    boot->firmware.framebuffer.green_size = info->green_size;
    boot->firmware.framebuffer.blue_pos = info->blue_pos;
    boot->firmware.framebuffer.blue_size = info->blue_size;
}

const char *boot_read_multiboot1(uint64_t information, struct boot_info *boot)
{
    const struct multiboot_info *info = (const struct multiboot_info *)information;
    read_framebuffer(info, boot);
    const char *error = read_map(info, boot);
    return error != NULL ? error : read_modules(info, boot);
}
