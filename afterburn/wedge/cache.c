/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID and MSRs that do not change. An answer is kept when the instruction was first executed; one
 * that differs by core is kept for that core, known by the base of its GDT: SGDT does not exit, and
 * Linux has one GDT a core, in its own half of the address space.
 */
#include "stub.h"

#define EXTENDED        0x80000000u
#define HYPERVISOR      0x40000000u
#define HYPERVISOR_LAST 0x4fffffffu
#define VOID_LAST       0x4000ffffu /* of the places where hypervisors show themselves */

#define LEAF_1_XSAVE   (1u << 26) /* ECX */
#define LEAF_1_OSXSAVE (1u << 27)
#define LEAF_7_PKU     (1u << 3) /* ECX */
#define LEAF_7_OSPKE   (1u << 4)
#define LEAF_7_HYBRID  (1u << 15) /* EDX */

enum scope { NONE, CORE, ALL };

static RESIDENT void execute(struct wedge_cpuid *answer)
{
    __asm__ volatile("cpuid"
                     : "=a"(answer->eax), "=b"(answer->ebx), "=c"(answer->ecx), "=d"(answer->edx)
                     : "a"(answer->leaf), "c"(answer->subleaf));
}

bool cpuid_is_hybrid(void)
{
    struct wedge_cpuid basic = {.leaf = 0}, seven = {.leaf = 7};
    execute(&basic);
    execute(&seven);
    return basic.eax >= 7 && (seven.edx & LEAF_7_HYBRID) != 0;
}

static RESIDENT const struct wedge_cpuid *find(const struct wedge_data *data, uint64_t core,
                                               uint32_t leaf, uint32_t subleaf)
{
    uint32_t count = __atomic_load_n(&data->cpuid_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        const struct wedge_cpuid *answer = &data->cpuids[i];
        if (answer->leaf == leaf && answer->subleaf == subleaf && answer->core == core)
            return answer;
    }
    return NULL;
}

/* The feature leaves show CR4; XSAVE's first two XCR0 and XSS. SDM: CPUID; APM 3, appendix E. What
 * is beyond the last leaf has no meaning. */
static RESIDENT enum scope scope_of(const struct wedge_data *data, uint32_t leaf, uint32_t subleaf)
{
    uint32_t first = leaf & EXTENDED;
    if (leaf >= HYPERVISOR && leaf <= HYPERVISOR_LAST)
        return (leaf & 0xff) == 0 || ((leaf & 0xff) == 1 && find(data, 0, leaf - 1, 0)) ? ALL
                                                                                        : NONE;
    if (leaf == first)
        return subleaf == 0 ? ALL : NONE;
    const struct wedge_cpuid *last = find(data, 0, first, 0);
    if (last == NULL || leaf > last->eax || leaf == 0x3 || leaf == 0x12)
        return NONE;
    if (leaf == 0x1 || (leaf == 0x7 && subleaf == 0) || leaf == 0xb || leaf == 0x1f ||
        leaf == 0x8000001e || leaf == 0x80000026)
        return CORE;
    if (leaf == 0xd && subleaf < 2)
        return NONE;
    return leaf <= 0x18 || (first != 0 && leaf <= 0x80000022) ? ALL : NONE;
}

/* 0: this core can't be told from others, or not yet. */
static RESIDENT uint64_t this_core(const struct wedge_data *data)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdt;
    __asm__ volatile("sgdt %0" : "=m"(gdt));
    bool own = data->symbols[AFTERBURN_PER_CPU_OFFSET].id != 0 && gdt.base >> 63 != 0;
    return own ? gdt.base : 0;
}

/* Linux never takes back what it has set in CR4: a leaf that shows it is kept from then on. */
static RESIDENT bool is_final(const struct wedge_data *data, const struct wedge_cpuid *answer)
{
    uint32_t first = answer->leaf & ~0xffu;
    if (answer->leaf == 1)
        return (answer->ecx & LEAF_1_XSAVE) == 0 || (answer->ecx & LEAF_1_OSXSAVE) != 0;
    if (answer->leaf == 7 && answer->subleaf == 0)
        return (answer->ecx & LEAF_7_PKU) == 0 || (answer->ecx & LEAF_7_OSPKE) != 0;
    if (first < HYPERVISOR || first > HYPERVISOR_LAST || answer->leaf == data->cpuid_void)
        return true;
    return answer->leaf != first || answer->eax - first <= 0xff;
}

static RESIDENT void keep(struct wedge_data *data, const struct wedge_cpuid *answer)
{
    if (__atomic_exchange_n(&data->lock, 1, __ATOMIC_ACQUIRE) != 0)
        return;
    if (data->cpuid_count < WEDGE_CPUIDS) {
        data->cpuids[data->cpuid_count] = *answer;
        __atomic_store_n(&data->cpuid_count, data->cpuid_count + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&data->lock, 0, __ATOMIC_RELEASE);
}

RESIDENT bool wedge_cpuid(struct wedge_data *data, struct wedge_regs *regs)
{
    struct wedge_cpuid fresh = {.leaf = (uint32_t)regs->rax, .subleaf = (uint32_t)regs->rcx};
    if (data->cpuid_void != 0 && fresh.leaf >= data->cpuid_void && fresh.leaf <= VOID_LAST)
        fresh.leaf = data->cpuid_void;
    enum scope scope = scope_of(data, fresh.leaf, fresh.subleaf);
    if (scope == CORE) {
        __asm__ volatile("cli"); /* no other core's answer is kept; the stub's end has the flags */
        fresh.core = this_core(data);
    }
    if (scope == NONE || (scope == CORE && fresh.core == 0))
        return false;
    const struct wedge_cpuid *answer = find(data, fresh.core, fresh.leaf, fresh.subleaf);
    if (answer == NULL) {
        execute(&fresh);
        if (is_final(data, &fresh))
            keep(data, &fresh);
        answer = &fresh;
    }
    regs->rax = answer->eax;
    regs->rbx = answer->ebx;
    regs->rcx = answer->ecx;
    regs->rdx = answer->edx;
    return true;
}

RESIDENT bool wedge_rdmsr(struct wedge_data *data, struct wedge_regs *regs)
{
    for (unsigned i = 0; i < data->msr_count && i < WEDGE_MSRS; i++) {
        const struct wedge_msr *msr = &data->msrs[i];
        if (msr->index != (uint32_t)regs->rcx || msr->valid == 0)
            continue;
        regs->rax = (uint32_t)msr->value;
        regs->rdx = msr->value >> 32;
        return true;
    }
    return false;
}
