/* SPDX-License-Identifier: Apache-2.0 */
/* Linux's boot parameters ("zero page"): setup header, memory map, framebuffer, ACPI. */
#include "lib/string.h"
#include "x86/boot/linux.h"

/* A screen whose numbers don't fit is left out: the kernel then has no console there, no more. */
static void params_set_screen(struct linux_screen *screen, const struct boot_firmware *firmware)
{
    uint64_t base = firmware->framebuffer.base;
    uint32_t width = firmware->framebuffer.width, height = firmware->framebuffer.height;
    uint32_t pitch = firmware->framebuffer.pitch, depth = firmware->framebuffer.bits_per_pixel;
    if (!firmware->has_framebuffer || width > UINT16_MAX || height > UINT16_MAX ||
        pitch > UINT16_MAX || depth > 32)
        return;
    screen->orig_video_type = LINUX_VIDEO_VLFB;
    screen->lfb_width = (uint16_t)width;
    screen->lfb_height = (uint16_t)height;
    screen->lfb_depth = (uint16_t)depth;
    screen->lfb_linelength = (uint16_t)pitch;
    screen->lfb_size = (uint32_t)(align_up((uint64_t)pitch * height, 64 * KIB) / (64 * KIB));
    screen->lfb_base = (uint32_t)base;
    screen->ext_lfb_base = (uint32_t)(base >> 32);
    screen->capabilities = screen->ext_lfb_base != 0 ? LINUX_VIDEO_64 : 0;
    screen->red_pos = firmware->framebuffer.red_pos;
    screen->red_size = firmware->framebuffer.red_size;
    screen->green_pos = firmware->framebuffer.green_pos;
    screen->green_size = firmware->framebuffer.green_size;
    screen->blue_pos = firmware->framebuffer.blue_pos;
    screen->blue_size = firmware->framebuffer.blue_size;
}

void linux_params_fill(struct linux_params *params, const struct linux_image *image,
                       const struct boot_request *request)
{
    const struct e820_map *map = request->e820;
    memcpy((uint8_t *)params + LINUX_SETUP_OFFSET, image->setup, image->setup_size);
    params->setup.type_of_loader = LINUX_LOADER_OTHER;
    params->setup.setup_data = 0;
    params->setup.ramdisk_image = 0;
    params->setup.ramdisk_size = 0;
    params->acpi_rsdp_addr = request->firmware.rsdp;
    params_set_screen(&params->screen, &request->firmware);

    unsigned count = map->count < LINUX_E820_MAX ? map->count : LINUX_E820_MAX;
    memcpy(params->e820, map->entries, count * sizeof(map->entries[0]));
    params->e820_entries = (uint8_t)count;
}
