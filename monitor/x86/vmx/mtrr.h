/* SPDX-License-Identifier: Apache-2.0 */
/* Memory types by the MTRRs, which nested paging of VT-x does not look at, so that EPT repeats
 * them. */
#pragma once

#include "core/types.h"

#define MTRR_UC 0u
#define MTRR_WC 1u
#define MTRR_WT 4u
#define MTRR_WP 5u
#define MTRR_WB 6u

#define MTRR_FIXED_MSRS    11u /* of 8 ranges each: one of 64 KiB, two of 16 KiB, eight of 4 KiB */
#define MTRR_VARIABLE_MOST 40u /* pairs of MSRs from 200h on, before the fixed ones at 250h */

/* What the MSRs say. */
struct mtrr {
    uint64_t def_type;               /* IA32_MTRR_DEF_TYPE: with E and FE */
    uint64_t fixed[MTRR_FIXED_MSRS]; /* 250h, 258h, 259h, 268h to 26fh */
    struct {
        uint64_t base, mask;
    } variable[MTRR_VARIABLE_MOST];
    unsigned variables;
    unsigned physical_bits; /* of addresses, CPUID 8000_0008h */
};

/*
 * How many bytes from ADDRESS on, SIZE at most, have one memory type, and *TYPE is which (Intel SDM
 * 3, 12.11.2 to 12.11.4). Where variable ranges overlap, UC wins, then WT over WB; any other pair
 * is undefined and treated as UC. Bytes; SIZE is not 0. Callers that map pages give multiples of
 * 4 KiB and get such.
 */
uint64_t mtrr_type_run(const struct mtrr *mtrr, uint64_t address, uint64_t size, unsigned *type);

/* What the processor's MSRs say; write-back everywhere if it has none. Any core: all are alike. */
void mtrr_read(struct mtrr *mtrr);
