/* SPDX-License-Identifier: Apache-2.0 */
/* What a boot loader hands over, whatever protocol it speaks. */
#pragma once

#include "x86/boot/efi.h"

#define BOOT_LOADER_MULTIBOOT1 0x2badb002u
#define BOOT_LOADER_MULTIBOOT2 0x36d76289u

struct boot_info {
    struct e820_map map; /* the firmware's memory map */
    struct boot_module modules[MAX_MODULES];
    unsigned module_count;
    char names[MAX_MODULES][CONFIG_PATH_MAX];
    struct boot_firmware firmware;
    struct efi_firmware efi;
    uint64_t rsdp;         /* 0: the loader gives none */
    uint64_t rsdp_said;    /* in the command line, for loaders that give none; 0: search for it */
    uint64_t rsdp_copy[5]; /* its 36 bytes, where the loader gives no address */
};

/* Multiboot 1: NULL, or what is wrong. */
const char *boot_read_multiboot1(uint64_t information, struct boot_info *boot);
/* Multiboot 2, likewise. */
const char *boot_read_multiboot2(uint64_t information, struct boot_info *boot);

/* For those two: a module at START..END, named by STRING's last word. NULL, or what is wrong. */
const char *boot_add_module(struct boot_info *boot, const char *string, uint64_t start,
                            uint64_t end);
/* The monitor's own command line, of which `rsdp=ADDRESS` (hexadecimal) is read. */
void boot_read_command(struct boot_info *boot, const char *line);
/* COLOURS: position and size of red, green, blue; PITCH in bytes. */
void boot_set_framebuffer(struct boot_info *boot, uint64_t base, uint32_t pitch, uint32_t width,
                          uint32_t height, uint8_t bits_per_pixel, const uint8_t colours[6]);
/* The module called NAME, or NULL. */
const struct boot_module *boot_find_module(const struct boot_info *boot, const char *name);
/* Copy all modules into the monitor's pool, so that VMs can be restarted; false: no memory. */
bool boot_keep_modules(struct boot_info *boot);
uint64_t boot_modules_size(const struct boot_info *boot);
