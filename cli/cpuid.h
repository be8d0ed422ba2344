/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID and model-specific registers: the processor's, or those recorded under `--root DIR`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpuid_leaf {
    uint32_t eax, ebx, ecx, edx;
};

/* All zeros where the processor has no such leaf, or none is recorded. */
struct cpuid_leaf cpuid_read(uint32_t leaf);

/* False if it cannot be read, for want of root or of the kernel's module `msr`. */
bool msr_read(uint32_t msr, uint64_t *value);

/* Whether Mullion is beneath. */
bool cpuid_is_mullion(void);
