/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions, by libcapstone; nothing here looks at the records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sites.h"

struct instruction {
    uint64_t address;
    unsigned length;
    uint8_t kind;  /* enum afterburn_kind; AFTERBURN_NONE: not sensitive */
    bool known;    /* false: one byte that starts no instruction known here */
    bool nop;      /* any length of NOP */
    bool far_jump; /* with its target in it */
    bool rip;      /* has an operand relative to RIP */
    bool below;    /* has an operand below the stack pointer */
    bool leaves;   /* jumps, calls, returns, interrupts, stops */
    bool branch;   /* to `target` */
    uint64_t target;
};

/* Decodes what is at BYTES, at most SIZE of them, SIZE > 0. */
struct instruction decode(enum mode mode, const uint8_t *bytes, size_t size, uint64_t address);
/* Frees what decode keeps. */
void decode_end(void);
