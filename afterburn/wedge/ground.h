/* SPDX-License-Identifier: Apache-2.0 */
/* What mappings ask their hypervisor while the wedge loads, each in its own way. */
#pragma once

#include "wedge.h"

#define LEAF_FIRST 0x40000000u /* CPUID: hypervisors show themselves at places from here on, .. */
#define LEAF_STEP  0x100u      /* .. so far apart */

/* The kinds of sites that a mapping may answer. */
#define GROUND_KINDS                                                                               \
    (1ull << AFTERBURN_IN | 1ull << AFTERBURN_OUT | 1ull << AFTERBURN_CPUID |                      \
     1ull << AFTERBURN_RDMSR)

struct registers {
    uint32_t eax, ebx, ecx, edx;
};

struct registers cpuid(uint32_t leaf); /* subleaf 0 */
/* GenuineIntel is the only vendor with VMCALL here; all others have VMMCALL. */
bool is_intel(void);
/* The first leaf of the hypervisor that says this of itself in EBX, ECX, EDX; 0: nobody does. */
uint32_t ground_leaf(uint32_t ebx, uint32_t ecx, uint32_t edx);
/* Nobody shows himself from LEAF on, if it is all zeroes: Linux looks at 256 places. */
void ground_void(struct wedge_data *data, uint32_t leaf);
/* An MSR that is there, and reads the same for good. */
void ground_msr(struct wedge_data *data, uint32_t index);
/* Those of them that any processor may have: capabilities of MTRRs and of machine checks. */
void ground_msrs(struct wedge_data *data);
