/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's memory, each piece with its owner. */
#pragma once

#include "core/config.h"

#include "record.h"

#define PIECES_MAX 512u
#define POOL       "pool" /* the owner of what no VM has */

struct pieces {
    struct {
        uint64_t base, size;
        uint32_t node;
        char owner[CONFIG_NAME_MAX];
    } list[PIECES_MAX]; /* sorted by base */
    unsigned count;
};

/*
 * Read the records of `machine`: what has an owner is `memory`, all there is is `ram`, and the rest
 * is the pool's. False if they contradict each other.
 */
bool pieces_read(struct pieces *pieces, const struct records *machine);

/* Whether OWNER has all of FIRST..LAST (exclusive), in one piece or in several. */
bool pieces_hold(const struct pieces *pieces, const char *owner, uint64_t first, uint64_t last);
