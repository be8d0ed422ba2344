/* SPDX-License-Identifier: Apache-2.0 */
/* The MTRRs as this processor has them (Intel SDM 3, 12.11.1 and 12.11.2). */
#include "x86/asm.h"
#include "x86/msr.h"
#include "x86/vmx/mtrr.h"

#define FEATURE_MTRR      (1u << 12) /* CPUID 1, EDX */
#define CAP_FIXED         (1ull << 8)
#define CAP_VARIABLE      0xffu
#define DEF_ALL_WRITEBACK (1ull << 11 | MTRR_WB)

static const uint32_t fixed_msrs[MTRR_FIXED_MSRS] = {
    MSR_MTRR_FIX_64K,          MSR_MTRR_FIX_16K_80,       MSR_MTRR_FIX_16K_A0,
    MSR_MTRR_FIX_4K_FIRST,     MSR_MTRR_FIX_4K_FIRST + 1, MSR_MTRR_FIX_4K_FIRST + 2,
    MSR_MTRR_FIX_4K_FIRST + 3, MSR_MTRR_FIX_4K_FIRST + 4, MSR_MTRR_FIX_4K_FIRST + 5,
    MSR_MTRR_FIX_4K_FIRST + 6, MSR_MTRR_FIX_4K_LAST,
};

void mtrr_read(struct mtrr *mtrr)
{
    *mtrr = (struct mtrr){.def_type = DEF_ALL_WRITEBACK, .physical_bits = 36};
    if (cpuid(0x80000000, 0).eax >= 0x80000008)
        mtrr->physical_bits = cpuid(0x80000008, 0).eax & 0xff;
    if ((cpuid(1, 0).edx & FEATURE_MTRR) == 0)
        return;
    uint64_t cap = rdmsr(MSR_MTRR_CAP);
    mtrr->def_type = rdmsr(MSR_MTRR_DEF_TYPE);
    for (unsigned i = 0; i < MTRR_FIXED_MSRS && (cap & CAP_FIXED) != 0; i++)
        mtrr->fixed[i] = rdmsr(fixed_msrs[i]);
    unsigned count = cap & CAP_VARIABLE;
    mtrr->variables = count < MTRR_VARIABLE_MOST ? count : MTRR_VARIABLE_MOST;
    for (unsigned i = 0; i < mtrr->variables; i++) {
        mtrr->variable[i].base = rdmsr(MSR_MTRR_PHYS_BASE0 + 2 * i);
        mtrr->variable[i].mask = rdmsr(MSR_MTRR_PHYS_BASE0 + 2 * i + 1);
    }
}
