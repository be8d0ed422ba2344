/* SPDX-License-Identifier: Apache-2.0 */
/* What the loaders share: where a VM's memory is free, and the two protocols. */
#pragma once

#include "lib/string.h"
#include "x86/boot/guest.h"

/* What a loader may use: below 64 KiB firmware and Linux's own boot code look for old things. */
#define BOOT_LOW_START   0x10000ull
#define BOOT_TOP         (4 * GIB)
/* Payloads stay below the device hole (PLACE_LOW_RAM_MAX). */
#define BOOT_PAYLOAD_TOP (3 * GIB)

struct boot_range {
    uint64_t base;
    uint64_t end;
};

/* What A and B have in common; nothing, if its end isn't behind its base. */
static inline struct boot_range range_common(struct boot_range a, struct boot_range b)
{
    return (struct boot_range){a.base > b.base ? a.base : b.base, a.end < b.end ? a.end : b.end};
}

static inline struct boot_range e820_range(const struct e820_entry *entry)
{
    return (struct boot_range){entry->base, entry->base + entry->size};
}

/* A VM's memory while its loader fills it. */
struct boot_space {
    const struct guest_memory *memory;
    struct e820_map map; /* E820_RAM: RAM in the VM's map and in fact, not yet taken */
};

void boot_space_init(struct boot_space *space, const struct boot_request *request);

enum boot_end { BOOT_LOWEST, BOOT_HIGHEST };

/* Take SIZE bytes at the lowest, or highest, multiple of ALIGN in WITHIN. */
bool boot_space_take(struct boot_space *space, enum boot_end which, struct boot_range within,
                     uint64_t size, uint64_t align, uint64_t *base);

/* Take pages and write DATA (zeros if it is NULL): low, or MODULE as high as END allows. */
bool boot_space_put(struct boot_space *space, const void *data, uint64_t size, uint64_t *base);
bool boot_space_put_module(struct boot_space *space, const struct boot_module *module, uint64_t end,
                           uint64_t *base);

/*
 * For each protocol: Is it such a file at all (which then may still be unusable)? Check it: NULL
 * and the bytes of memory that it needs, or what is wrong. Load it and what belongs to it: NULL and
 * START filled, or what is wrong.
 */
bool linux_is(const struct boot_module *kernel);
const char *linux_check(const struct boot_module *kernel, uint64_t *size);
const char *linux_load(const struct boot_request *request, struct guest_start *start);
bool elf_is(const struct boot_module *kernel);
const char *pvh_check(const struct boot_module *kernel, uint64_t *size);
const char *pvh_load(const struct boot_request *request, struct guest_start *start);
