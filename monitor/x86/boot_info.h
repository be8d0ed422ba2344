/* SPDX-License-Identifier: Apache-2.0 */
/* What a boot loader hands over, whatever protocol it speaks. */
#pragma once

#include "x86/boot/guest.h"

#define BOOT_LOADER_MULTIBOOT1 0x2badb002u

struct boot_info {
    struct e820_map map; /* the firmware's memory map */
    struct boot_module modules[MAX_MODULES];
    unsigned module_count;
    char names[MAX_MODULES][CONFIG_PATH_MAX];
    struct boot_firmware firmware;
    uint64_t rsdp; /* 0: to be searched for */
};

/* Multiboot 1: NULL, or what is wrong. */
const char *boot_read_multiboot1(uint64_t information, struct boot_info *boot);
/* The module called NAME, or NULL. */
const struct boot_module *boot_find_module(const struct boot_info *boot, const char *name);
/* Copy all modules into the monitor's pool, so that VMs can be restarted; false: no memory. */
bool boot_keep_modules(struct boot_info *boot);
uint64_t boot_modules_size(const struct boot_info *boot);
