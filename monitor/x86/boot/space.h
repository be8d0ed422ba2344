/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a VM's memory its loader may put things: RAM in the map and in fact, not yet taken. */
#pragma once

#include "x86/boot/guest.h"

#define BOOT_TAKEN_MAX 16u

/* What a loader may use: below 64 KiB firmware and Linux's own boot code look for old things. */
#define BOOT_LOW_START   0x10000ull
#define BOOT_TOP         (4 * GIB)
/* Payloads stay below the device hole (PLACE_LOW_RAM_MAX). */
#define BOOT_PAYLOAD_TOP (3 * GIB)

struct boot_range {
    uint64_t base;
    uint64_t end;
};

struct boot_space {
    const struct guest_memory *memory;
    const struct e820_map *e820;
    struct boot_range taken[BOOT_TAKEN_MAX];
    unsigned taken_count;
};

void boot_space_init(struct boot_space *space, const struct boot_request *request);

/* Are all bytes of RANGE free RAM? If not, a HOLE that RANGE runs into. */
bool boot_space_is_free(const struct boot_space *space, struct boot_range range,
                        struct boot_range *hole);

/* Nothing else will be put into RANGE. False if too many ranges are taken. */
bool boot_space_mark(struct boot_space *space, struct boot_range range);

/* Take SIZE bytes at the lowest, or highest, multiple of ALIGN in FROM..LIMIT. */
bool boot_space_take_low(struct boot_space *space, uint64_t size, uint64_t align,
                         struct boot_range within, uint64_t *base);
bool boot_space_take_high(struct boot_space *space, uint64_t size, uint64_t align,
                          struct boot_range within, uint64_t *base);
