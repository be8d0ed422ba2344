/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs: made at load time by physical addresses, for modules later by the guest's own. */
#pragma once

#include "wedge.h"

#define JUMP_SIZE 5u

struct stub_place {
    struct wedge_data *data;
    uint8_t *text; /* the text area */
};

extern uint8_t wedge_common[], wedge_data_distance[]; /* runtime.S */

/* Is what the record says at SITE, with room for a jump, and can a copy of it run elsewhere? */
bool encode_fits(const struct afterburn_site *what, const uint8_t *site); /* encode.c */
/* A site word without its number. encode.c */
uint32_t encode_word(unsigned kind, const uint8_t *insn);

/* Where a site jumps to, and the copy of what was there. entry NULL: there is no room for it. */
struct stub {
    uint8_t *entry;
    uint8_t *copy;
};

/* SITE itself stays as it is. stub.c */
struct stub stub_make(const struct stub_place *place, const uint8_t *site,
                      const struct afterburn_site *what);
/* For the start of a function: HOOK, then its first SIZE bytes. */
struct stub stub_hook(const struct stub_place *place, const uint8_t *function, unsigned size,
                      unsigned hook);
/* A jump at FROM to TO, and INT3 up to SIZE bytes. */
void stub_jump(uint8_t *from, const uint8_t *to, unsigned size);
/* These return where what they have put at AT ends. An opcode of SIZE bytes, with the distance to
 * TO. */
uint8_t *stub_put_relative(uint8_t *at, uint32_t opcode, unsigned size, const void *to);
/* The end of every stub: FROM's LENGTH bytes, and a jump to BACK. */
uint8_t *stub_put_end(uint8_t *at, const uint8_t *from, unsigned length, const uint8_t *back);

/* The wedge `count`: is it an instruction of another kind? A stub at AT, or, for kinds OUT and HLT,
 * the number to ask with; entry NULL: there are no counters left. count_encode.c, count_stub.c */
bool count_fits(unsigned kind, const uint8_t *insn, unsigned length);
struct stub count_make(const struct stub_place *place, uint8_t *at, const uint8_t *site,
                       const struct afterburn_site *what, uint32_t *number);

/* Do the machine's cores differ, so that what one says of itself is not true of others? cache.c */
bool cpuid_is_hybrid(void);
