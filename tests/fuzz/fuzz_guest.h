/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's memory for the loader: what isn't RAM cannot be written, not by a byte. */
#pragma once

#include "fuzz.h"
#include "x86/boot/guest.h"

#define FUZZ_GUESTS 4u

struct fuzz_piece {
    uint64_t base, size;
};

struct fuzz_guest {
    struct place_extent extents[4];
    struct guest_memory memory;
    struct e820_map map;
    uint64_t size; /* of all extents */
    struct fuzz_piece pieces[24];
    unsigned piece_count;
};

/* One of a few machines; made once, its contents stay from input to input. */
struct fuzz_guest *fuzz_guest_get(unsigned number);

/* What the loader says lies at BASE is RAM in the map and in fact, and overlaps nothing before. */
void fuzz_guest_claim(struct fuzz_guest *guest, uint64_t base, uint64_t size);

/* SIZE bytes of RAM in one extent. */
void *fuzz_guest_at(const struct fuzz_guest *guest, uint64_t base, uint64_t size);

/* DATA lies at BASE, across extents too. */
bool fuzz_guest_holds(const struct fuzz_guest *guest, uint64_t base, const void *data,
                      uint64_t size);
