/* SPDX-License-Identifier: Apache-2.0 */
/* EFI for the service VM: the firmware's memory map, cut down to its share (UEFI 2.10, 7.2.3). */
#pragma once

#include "x86/boot/guest.h"

#define EFI_KEPT_MAX 128u

struct efi_descriptor {
    uint32_t type, reserved;
    uint64_t physical, virtual_start, pages, attributes;
};

/* What a firmware left in memory when its boot services ended. */
struct efi_firmware {
    uint64_t system_table; /* 0: none */
    uint32_t stride;       /* bytes from one descriptor to the next */
    uint32_t version;
    unsigned count;
    struct efi_descriptor kept[EFI_KEPT_MAX]; /* what is not RAM for an operating system */
};

/*
 * Keep from the SIZE bytes of a memory map at MAP all descriptors of what stays the firmware's.
 * False, and nothing kept, if their form is unknown or they are more than EFI_KEPT_MAX.
 */
bool efi_read_map(struct efi_firmware *efi, const void *map, uint64_t size, uint32_t stride,
                  uint32_t version);

/*
 * Write a memory map for a VM: what was kept, and the RAM of E820. Returns its bytes; 0 if there is
 * no EFI, or SIZE is too small.
 */
size_t efi_write_map(const struct efi_firmware *efi, const struct e820_map *e820, uint8_t *buffer,
                     size_t size);
