/* SPDX-License-Identifier: Apache-2.0 */
/* Boot modules: found by name, kept for restarts. */
#include "x86/boot_info.h"

#include "lib/string.h"
#include "x86/memory.h"

const struct boot_module *boot_find_module(const struct boot_info *boot, const char *name)
{
    for (unsigned i = 0; i < boot->module_count; i++)
        if (strcmp(boot->modules[i].name, name) == 0)
            return &boot->modules[i];
    return NULL;
}

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

const char *boot_add_module(struct boot_info *boot, const char *string, uint64_t start,
                            uint64_t end)
{
    unsigned i = boot->module_count;
    if (i == MAX_MODULES)
        return "more than 64 boot modules";
    if (end < start)
        return "a boot module ends before it begins";
    name_of(boot->names[i], string);
    boot->modules[i] = (struct boot_module){boot->names[i], (const uint8_t *)start, end - start};
    boot->module_count++;
    return NULL;
}

/* The value of the digit, 16 or more if it is none. */
static unsigned hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

void boot_read_command(struct boot_info *boot, const char *line)
{
    static const char word[] = "rsdp=";
    size_t length = sizeof(word) - 1;
    for (const char *p = line; *p != '\0'; p++) {
        if ((p > line && p[-1] != ' ') || strncmp(p, word, length) != 0)
            continue;
        p += p[length] == '0' && (p[length + 1] | 0x20) == 'x' ? length + 2 : length;
        for (boot->rsdp_said = 0; hex_digit(*p) < 16; p++)
            boot->rsdp_said = boot->rsdp_said << 4 | hex_digit(*p);
        return;
    }
}

void boot_set_framebuffer(struct boot_info *boot, uint64_t base, uint32_t pitch, uint32_t width,
                          uint32_t height, uint8_t bits_per_pixel, const uint8_t colours[6])
{
    boot->firmware.has_framebuffer = true;
    boot->firmware.framebuffer.base = base;
    boot->firmware.framebuffer.pitch = pitch;
    boot->firmware.framebuffer.width = width;
    boot->firmware.framebuffer.height = height;
    boot->firmware.framebuffer.bits_per_pixel = bits_per_pixel;
    boot->firmware.framebuffer.red_pos = colours[0];
    boot->firmware.framebuffer.red_size = colours[1];
    boot->firmware.framebuffer.green_pos = colours[2];
    boot->firmware.framebuffer.green_size = colours[3];
    boot->firmware.framebuffer.blue_pos = colours[4];
    boot->firmware.framebuffer.blue_size = colours[5];
}

static uint64_t pages_of(const struct boot_module *module)
{
    return align_up(module->size + 1, PAGE_SIZE) / PAGE_SIZE; /* room for a final NUL */
}

uint64_t boot_modules_size(const struct boot_info *boot)
{
    uint64_t pages = 0;
    for (unsigned i = 0; i < boot->module_count; i++)
        pages += pages_of(&boot->modules[i]);
    return pages * PAGE_SIZE;
}

bool boot_keep_modules(struct boot_info *boot)
{
    for (unsigned i = 0; i < boot->module_count; i++) {
        struct boot_module *module = &boot->modules[i];
        void *copy = memory_pages((unsigned)pages_of(module));
        if (copy == NULL)
            return false;
        module->data = memcpy(copy, module->data, module->size);
    }
    return true;
}
