/* SPDX-License-Identifier: Apache-2.0 */
/* The boot interface: a VM's memory prepared as its boot loader would have left it. */
#pragma once

#include "core/config.h"
#include "core/guest_memory.h"
#include "core/machine.h"

/* A boot module as the boot loader delivered it (the monitor keeps a copy for restarts). */
struct boot_module {
    const char *name;
    const uint8_t *data;
    uint64_t size;
};

enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

struct e820_entry {
    uint64_t base;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

#define E820_MAX 128u

struct e820_map {
    struct e820_entry entries[E820_MAX];
    unsigned count;
};

/*
 * Add BASE..BASE+SIZE as TYPE, replacing what was there; keeps the map sorted and merged. False,
 * and nothing changed, if the range wraps round or the map would get too many entries.
 */
bool e820_set(struct e820_map *map, uint64_t base, uint64_t size, uint32_t type);

enum guest_entry {
    GUEST_ENTRY_LONG_MODE, /* Linux 64-bit entry: paging on, cr3 set, rsi = boot_params */
    GUEST_ENTRY_PROTECTED, /* PVH: 32 bit, paging off, rbx = hvm_start_info */
};

struct guest_start {
    enum guest_entry entry;
    gpa_t rip;
    gpa_t argument; /* goes to rsi (Linux) or rbx (PVH) */
    gpa_t cr3;      /* long mode only: identity map of the first 4 GiB at least */
};

/* The linear framebuffer and firmware facts that only the service VM inherits. */
struct boot_firmware {
    uint64_t rsdp; /* gpa of the RSDP that the VM shall use, 0: none */
    bool has_framebuffer;
    struct {
        uint64_t base;
        uint32_t width, height, pitch, bits_per_pixel;
        uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
    } framebuffer;
    struct {
        uint64_t system_table; /* 0: no EFI */
        gpa_t map;             /* the VM's memory map, in memory that its e820 calls no RAM */
        uint32_t map_size, stride, version;
    } efi;
};

struct boot_request {
    struct guest_memory memory;
    const struct e820_map *e820; /* as the VM shall see it */
    const struct boot_module *kernel;
    const struct boot_module *initrd;                     /* or NULL */
    const struct boot_module *modules[CONFIG_VM_MODULES]; /* PVH only */
    unsigned module_count;
    const char *cmdline;
    struct boot_firmware firmware;
};

/*
 * Check a kernel before anything else is done with it: is it a 64-bit bzImage, or an ELF file with
 * a PVH note, is it whole, does it fit MEMORY_SIZE with its initrd? Returns NULL if it is good,
 * else what is wrong and what to do, as text (static). Reads KERNEL only, whatever it holds.
 */
const char *boot_check_kernel(const struct boot_module *kernel, uint64_t initrd_size,
                              uint64_t memory_size);

/*
 * Load by the protocol that the kernel has: only into what is E820_RAM in request->e820 and lies in
 * request->memory. Returns NULL and fills START, or the error as text; memory may then be written
 * in part.
 */
const char *boot_load(const struct boot_request *request, struct guest_start *start);
