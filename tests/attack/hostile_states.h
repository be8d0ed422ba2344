/* SPDX-License-Identifier: Apache-2.0 */
/* What the lists of hostile states and the engine that tries them share. */
#pragma once

#include "hostile.h"

#define STATE_PAGE 0x9000ull
#define FOREIGN    0x10000000ull /* another VM's: this one has 64 MiB */

/* One state: a function on the second core, or code that a start-up IPI begins there. */
struct way {
    const char *name;
    void (*run)(unsigned number);
    const uint8_t *start, *end;
    unsigned number; /* within its family */
};

/* The state of this number over all; false: there are no more. */
bool state_way(unsigned index, struct way *way);
/* Leave the guest in every cheap way. */
void state_exits(void);
void state_copy(const uint8_t *from, const uint8_t *end);
/* hostile_segments.c: the NUMBERth of its states; NULL: no more. */
void state_segments(unsigned number);
extern const unsigned state_segment_count;
