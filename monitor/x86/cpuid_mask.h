/* SPDX-License-Identifier: Apache-2.0 */
/* What a partition cannot have of CPUID's answers. */
#pragma once

#include "core/types.h"
#include "x86/asm.h"

/*
 * Take out of R, the processor's answer for LEAF and SUBLEAF, what would lead a VM to state that no
 * back end switches or to MSRs that do not pass. SERVICE: the service VM's, which may read the
 * MTRRs. Bits that mirror CR4 and those that say "in a VM" are the caller's.
 */
void cpuid_mask(struct cpuid *r, uint32_t leaf, uint32_t subleaf, bool service);
