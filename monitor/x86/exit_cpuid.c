/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID as a VM sees it: the core's own answer, less what a partition cannot have. */
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpuid_mask.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define LEAF_MULLION   0x40000000u
#define LEAF_INTERFACE 0x40000001u /* EAX: the newest version of the hypercalls */
#define LEAF_KVM       0x40000100u
#define LEAF_KVM_LAST  0x40000101u

/* KVM's documented CPUID interface (Linux, Documentation/virt/kvm/x86/cpuid.rst). */
#define KVM_NOP_IO_DELAY  (1u << 1)
#define KVM_CLOCKSOURCE2  (1u << 3)
#define KVM_CLOCK_STABLE  (1u << 24)
#define KVM_HINT_REALTIME (1u << 0)

#define FEATURE_X2APIC     (1u << 21) /* leaf 1 ECX */
#define FEATURE_OSXSAVE    (1u << 27)
#define FEATURE_HYPERVISOR (1u << 31)
#define FEATURE_OSPKE      (1u << 4) /* leaf 7 ECX */

static struct cpuid cpuid_hypervisor(uint32_t leaf)
{
    if (leaf == LEAF_MULLION) /* "MullionMulli" */
        return (struct cpuid){LEAF_INTERFACE, 0x6c6c754d, 0x4d6e6f69, 0x696c6c75};
    if (leaf == LEAF_INTERFACE)
        return (struct cpuid){HYPERCALL_VERSION, 0, 0, 0};
    if (leaf == LEAF_KVM) /* "KVMKVMKVM": stock kernels take x2APIC and the clock from it */
        return (struct cpuid){LEAF_KVM_LAST, 0x4b4d564b, 0x564b4d56, 0x0000004d};
    if (leaf == LEAF_KVM_LAST)
        return (struct cpuid){KVM_NOP_IO_DELAY | KVM_CLOCKSOURCE2 | KVM_CLOCK_STABLE, 0, 0,
                              KVM_HINT_REALTIME};
    return (struct cpuid){0, 0, 0, 0};
}

static uint32_t if_cr4(struct vcpu *vcpu, uint64_t bit, uint32_t feature)
{
    return (backend->read_cr4(vcpu) & bit) != 0 ? feature : 0;
}

/* Bits that are not the processor's: of the guest's CR4, and that it is one. */
static void cpuid_mirror(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, struct cpuid *r)
{
    if (leaf == 1) {
        r->ecx &= ~FEATURE_OSXSAVE;
        r->ecx |= FEATURE_X2APIC | FEATURE_HYPERVISOR | if_cr4(vcpu, CR4_OSXSAVE, FEATURE_OSXSAVE);
    } else if (leaf == 7 && subleaf == 0) {
        r->ecx &= ~FEATURE_OSPKE;
        r->ecx |= if_cr4(vcpu, CR4_PKE, FEATURE_OSPKE);
    }
}

static struct cpuid cpuid_real(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = cpuid(leaf, subleaf);
    cpuid_mask(&r, leaf, subleaf, vcpu->vm->service);
    cpuid_mirror(vcpu, leaf, subleaf, &r);
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
