/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID as a VM sees it: the core's own answer, less what a partition cannot have. */
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define LEAF_MULLION  0x40000000u
#define LEAF_KVM      0x40000100u
#define LEAF_KVM_LAST 0x40000101u

/* KVM's documented CPUID interface (Linux, Documentation/virt/kvm/x86/cpuid.rst). */
#define KVM_NOP_IO_DELAY  (1u << 1)
#define KVM_CLOCKSOURCE2  (1u << 3)
#define KVM_CLOCK_STABLE  (1u << 24)
#define KVM_HINT_REALTIME (1u << 0)

/* Leaf 1 ECX */
#define FEATURE_VMX        (1u << 5)
#define FEATURE_SMX        (1u << 6)
#define FEATURE_PDCM       (1u << 15)
#define FEATURE_X2APIC     (1u << 21)
#define FEATURE_OSXSAVE    (1u << 27)
#define FEATURE_HYPERVISOR (1u << 31)
/* Leaf 1 EDX */
#define FEATURE_MCE        (1u << 7)
#define FEATURE_MTRR       (1u << 12)
#define FEATURE_MCA        (1u << 14)
#define FEATURE_DS         (1u << 21)
#define FEATURE_ACPI       (1u << 22)
/* Leaf 7 */
#define FEATURE_TSC_ADJUST (1u << 1)  /* EBX */
#define FEATURE_SGX        (1u << 2)  /* EBX */
#define FEATURE_RDT        (1u << 12) /* EBX: monitoring */
#define FEATURE_RDT_ALLOC  (1u << 15) /* EBX */
#define FEATURE_PT         (1u << 25) /* EBX */
#define FEATURE_OSPKE      (1u << 4)  /* ECX */
#define FEATURE_PCONFIG    (1u << 18) /* EDX */
/* Leaf 8000_0001 ECX: SVM, OSVW, IBS, SKINIT, WDT, the performance counters, MONITORX stays */
#define FEATURE_AMD_MASKED                                                                         \
    (1u << 2 | 1u << 9 | 1u << 10 | 1u << 12 | 1u << 13 | 1u << 15 | 1u << 23 | 1u << 24 |         \
     1u << 27 | 1u << 28)
/* Leaf 8000_0007 EDX: only the invariant TSC; power and thermal registers are not a VM's. */
#define FEATURE_INVARIANT_TSC (1u << 8)

static void cpuid_leaf_1(struct vcpu *vcpu, struct cpuid *r)
{
    r->ecx &= ~(FEATURE_VMX | FEATURE_SMX | FEATURE_PDCM | FEATURE_OSXSAVE);
    r->ecx |= FEATURE_X2APIC | FEATURE_HYPERVISOR;
    if ((backend->read_cr4(vcpu) & CR4_OSXSAVE) != 0)
        r->ecx |= FEATURE_OSXSAVE;
    r->edx &= ~(FEATURE_MCE | FEATURE_MCA | FEATURE_DS | FEATURE_ACPI);
    if (!vcpu->vm->service)
        r->edx &= ~FEATURE_MTRR;
}

static void cpuid_leaf_7(struct vcpu *vcpu, struct cpuid *r, uint32_t subleaf)
{
    if (subleaf != 0)
        return;
    r->ebx &= ~(FEATURE_TSC_ADJUST | FEATURE_SGX | FEATURE_RDT | FEATURE_RDT_ALLOC | FEATURE_PT);
    r->ecx &= ~FEATURE_OSPKE;
    if ((backend->read_cr4(vcpu) & CR4_PKE) != 0)
        r->ecx |= FEATURE_OSPKE;
    r->edx &= ~FEATURE_PCONFIG;
}

static struct cpuid cpuid_hypervisor(uint32_t leaf)
{
    if (leaf == LEAF_MULLION) /* "MullionMulli" */
        return (struct cpuid){LEAF_MULLION, 0x6c6c754d, 0x4d6e6f69, 0x696c6c75};
    if (leaf == LEAF_KVM) /* "KVMKVMKVM": stock kernels take x2APIC and the clock from it */
        return (struct cpuid){LEAF_KVM_LAST, 0x4b4d564b, 0x564b4d56, 0x0000004d};
    if (leaf == LEAF_KVM_LAST)
        return (struct cpuid){KVM_NOP_IO_DELAY | KVM_CLOCKSOURCE2 | KVM_CLOCK_STABLE, 0, 0,
                              KVM_HINT_REALTIME};
    return (struct cpuid){0, 0, 0, 0};
}

static struct cpuid cpuid_real(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = cpuid(leaf, subleaf);
    switch (leaf) {
    case 0x1:
        cpuid_leaf_1(vcpu, &r);
        break;
    case 0x7:
        cpuid_leaf_7(vcpu, &r, subleaf);
        break;
    case 0x6:             /* power and thermal management */
        r.eax &= 1u << 2; /* the APIC timer keeps running */
        r.ebx = r.ecx = 0;
        break;
    case 0x80000001:
        r.ecx &= ~FEATURE_AMD_MASKED;
        r.edx &= ~(FEATURE_MCE | FEATURE_MCA);
        if (!vcpu->vm->service)
            r.edx &= ~FEATURE_MTRR;
        break;
    case 0x80000007:
        r.eax = r.ebx = r.ecx = 0;
        r.edx &= FEATURE_INVARIANT_TSC;
        break;
    case 0xa: /* performance counters */
    case 0xf: /* cache monitoring and allocation */
    case 0x10:
    case 0x12:       /* SGX */
    case 0x14:       /* processor trace */
    case 0x8000000a: /* SVM */
    case 0x8000001b: /* IBS */
    case 0x8000001f: /* memory encryption */
    case 0x80000020: /* bandwidth control */
    case 0x80000022: /* performance monitoring, version 2 */
        r = (struct cpuid){0, 0, 0, 0};
        break;
    default:
        break;
    }
    return r;
}

/* What the VM's `cpuid` lines make of an answer. */
static void cpuid_change(const struct control_cpuids *rules, uint32_t leaf, uint32_t subleaf,
                         struct cpuid *r)
{
    uint32_t *const registers[] = {&r->eax, &r->ebx, &r->ecx, &r->edx};
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
        *registers[i] = control_cpuid_answer(rules, leaf, subleaf, i, *registers[i]);
}

void exit_cpuid(struct vcpu *vcpu)
{
    const struct control_cpuids *rules = &atomic_load(&vcpu->vm->controls)->cpuids;
    uint32_t leaf = (uint32_t)vcpu->regs.rax;
    uint32_t subleaf = (uint32_t)vcpu->regs.rcx;
    struct cpuid r =
        leaf >> 16 == LEAF_MULLION >> 16 ? cpuid_hypervisor(leaf) : cpuid_real(vcpu, leaf, subleaf);
    if (rules->count != 0)
        cpuid_change(rules, leaf, subleaf, &r);
    vcpu->regs.rax = r.eax;
    vcpu->regs.rbx = r.ebx;
    vcpu->regs.rcx = r.ecx;
    vcpu->regs.rdx = r.edx;
}
