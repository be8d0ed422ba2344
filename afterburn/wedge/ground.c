/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID and constant MSRs at load time, for all mappings (Intel SDM 2, CPUID; AMD APM 3, E). */
#include "ground.h"

#define LEAF_LAST  0x40010000u
#define HYPERVISOR (1u << 31) /* leaf 1 ECX */
#define HAS_MTRR   (1u << 12) /* leaf 1 EDX */
#define HAS_MCA    (1u << 14)

#define MSR_MTRR_CAP 0xfeu
#define MSR_MCG_CAP  0x179u

struct registers cpuid(uint32_t leaf)
{
    struct registers r = {.eax = leaf, .ecx = 0};
    __asm__ volatile("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

bool is_intel(void)
{
    return cpuid(0).ecx == 0x6c65746e; /* the end of "GenuineIntel" */
}

uint32_t ground_leaf(uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    if ((cpuid(1).ecx & HYPERVISOR) == 0)
        return 0;
    for (uint32_t leaf = LEAF_FIRST; leaf < LEAF_LAST; leaf += LEAF_STEP) {
        const struct registers r = cpuid(leaf);
        if (r.ebx == ebx && r.ecx == ecx && r.edx == edx)
            return leaf;
    }
    return 0;
}

void ground_void(struct wedge_data *data, uint32_t leaf)
{
    const struct registers r = cpuid(leaf);
    if ((r.eax | r.ebx | r.ecx | r.edx) == 0)
        data->cpuid_void = leaf;
}

void ground_msr(struct wedge_data *data, uint32_t index)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    data->msrs[data->msr_count++] = (struct wedge_msr){index, 1, low | (uint64_t)high << 32};
}

void ground_msrs(struct wedge_data *data)
{
    const struct registers features = cpuid(1);
    if (features.edx & HAS_MTRR)
        ground_msr(data, MSR_MTRR_CAP);
    if (features.edx & HAS_MCA)
        ground_msr(data, MSR_MCG_CAP);
}
