/* SPDX-License-Identifier: Apache-2.0 */
/* RDMSR and WRMSR that leave the guest. What is not listed is denied, counted, logged once. */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/msr_policy.h"

#define MSR_KVM_WALL_CLOCK   0x4b564d00u
#define MSR_KVM_SYSTEM_TIME  0x4b564d01u
#define MSR_MCG_CAP          0x00000179u
#define MSR_K7_COUNTERS      0xc0010000u
#define MSR_K7_COUNTERS_LAST 0xc0010007u

/* Leaf 8000_0001 */
#define CPUID_TCE   (1u << 17) /* ECX */
#define CPUID_NX    (1u << 20) /* EDX */
#define CPUID_FFXSR (1u << 25) /* EDX */

static bool msr_first_time(struct vm *vm, uint32_t msr)
{
    for (unsigned i = 0; i < vm->msrs_logged_count; i++)
        if (vm->msrs_logged[i] == msr)
            return false;
    if (vm->msrs_logged_count == VM_MSRS_LOGGED)
        return false;
    vm->msrs_logged[vm->msrs_logged_count++] = msr;
    return true;
}

static void msr_note(struct vcpu *vcpu, uint32_t msr, bool write, bool allowed)
{
    const struct unlisted_use use = {
        .number = msr,
        .size = 1,
        .kind = write ? EVENT_UNLISTED_MSR_WRITE : EVENT_UNLISTED_MSR_READ,
        .allowed = allowed,
    };
    exit_unlisted(vcpu, vcpu->rip, &use, msr);
}

static bool msr_deny(struct vcpu *vcpu, uint32_t msr, bool write)
{
    struct vm *vm = vcpu->vm;
    atomic_fetch_add(&vm->denied_msrs, 1);
    vcpu_fault_gp(vcpu);
    if (msr_listed(vm, msr, write ? CONTROL_WRITE : CONTROL_READ))
        return false;
    msr_note(vcpu, msr, write, false);
    /* Stock kernels look for performance counters; that they find none is no news. */
    if (msr >= MSR_K7_COUNTERS && msr <= MSR_K7_COUNTERS_LAST)
        return false;
    lock_take(&vm->log_lock);
    bool first = msr_first_time(vm, msr);
    lock_release(&vm->log_lock);
    if (!first || !vm_may_log(vm, DENIED_MSR))
        return false;
    if (msr_configurable(msr))
        log_warning("vm \"%s\": %s of MSR 0x%x at %lx denied; to allow it write: msr 0x%x allow",
                    vm->config->name, write ? "write" : "read", msr, vcpu->rip, msr);
    else
        log_warning("vm \"%s\": %s of MSR 0x%x at %lx denied: it belongs to the monitor",
                    vm->config->name, write ? "write" : "read", msr, vcpu->rip);
    return false;
}

static uint64_t apic_base(const struct vcpu *vcpu)
{
    return 0xfee00000ull | APIC_BASE_ENABLE | APIC_BASE_X2APIC |
           (vcpu->index == 0 ? APIC_BASE_BSP : 0);
}

bool exit_msr_read(struct vcpu *vcpu, uint32_t msr)
{
    uint64_t value = 0;
    if (msr_logged(vcpu->vm, msr, CONTROL_READ))
        exit_log_event(vcpu, vcpu->rip, EVENT_MSR_READ, msr);
    if (msr == X2APIC_ICR)
        value = vcpu->icr;
    else if (msr == X2APIC_ESR)
        value = rdmsr(X2APIC_ESR) | vcpu->errors_shown;
    else if (msr == MSR_APIC_BASE)
        value = apic_base(vcpu);
    else if (msr == MSR_EFER)
        value = backend->read_efer(vcpu);
    else if (msr == MSR_KVM_SYSTEM_TIME)
        value = vcpu->clock_msr;
    else if (msr == MSR_MCG_CAP)
        value = 0; /* no machine-check banks */
    else if (!msr_readable(vcpu->vm, msr) || !rdmsr_safe(msr, &value))
        return msr_deny(vcpu, msr, false);
    else if (msr_shifts(vcpu->vm, msr) && value != 0) /* a deadline of 0 is none */
        value += (uint64_t)vcpu->tsc_offset;
    else if (msr_audited(vcpu->vm, msr, CONTROL_READ))
        msr_note(vcpu, msr, false, true);
    vcpu->regs.rax = (uint32_t)value;
    vcpu->regs.rdx = value >> 32;
    return true;
}

/* The timer has no delivery mode, but emulators take one there: an SMI would run unconfined.
 * Other local interrupts may be fixed or NMI; the service VM's may come from the old controllers,
 * which stock kernels name in a masked entry elsewhere, too. */
static bool msr_write_lvt(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    uint32_t delivery = value >> 8 & 7;
    bool allowed =
        delivery == DELIVERY_FIXED || (delivery == DELIVERY_NMI && msr != X2APIC_LVT_TIMER) ||
        (delivery == DELIVERY_EXTINT && (vcpu->vm->service || (value & LVT_MASKED) != 0));
    return (allowed && wrmsr_safe(msr, value)) || msr_deny(vcpu, msr, true);
}

/* The bits of EFER that this processor has and a VM may set. */
static uint64_t efer_allowed(void)
{
    struct cpuid features = cpuid(0x80000001, 0);
    return EFER_SCE | EFER_LME | EFER_LMA | EFER_LMSLE |
           ((features.edx & CPUID_NX) != 0 ? EFER_NXE : 0) |
           ((features.edx & CPUID_FFXSR) != 0 ? EFER_FFXSR : 0) |
           ((features.ecx & CPUID_TCE) != 0 ? EFER_TCE : 0);
}

/* What the processor would refuse must be refused here, else VMRUN does (AMD APM 2, 3.1.7). */
static bool msr_write_efer(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = backend->read_efer(vcpu);
    uint64_t changed = old ^ value;
    bool paging = (backend->read_cr0(vcpu) & CR0_PG) != 0;
    if ((value & ~efer_allowed()) != 0 || (changed & EFER_LMSLE) != 0 ||
        (paging && (changed & EFER_LME) != 0))
        return msr_deny(vcpu, MSR_EFER, true);
    backend->write_efer(vcpu, (value & ~EFER_LMA) | (old & EFER_LMA));
    return true;
}

/* A write shows the errors since the last one (Intel SDM 3, 10.5.3). */
static bool msr_write_errors(struct vcpu *vcpu, uint64_t value)
{
    if (!wrmsr_safe(X2APIC_ESR, value))
        return false;
    vcpu->errors_shown = vcpu->errors;
    vcpu->errors = 0;
    return true;
}

bool exit_msr_write(struct vcpu *vcpu, uint32_t msr)
{
    uint64_t value = vcpu->regs.rdx << 32 | (uint32_t)vcpu->regs.rax;
    bool ok = true;
    if (msr_shifts(vcpu->vm, msr) && value != 0) /* the APIC goes by the machine's time */
        value -= (uint64_t)vcpu->tsc_offset;
    if (msr_logged(vcpu->vm, msr, CONTROL_WRITE))
        exit_log_event(vcpu, vcpu->rip, EVENT_MSR_WRITE, msr);
    if (msr == X2APIC_ICR)
        ok = ipi_command(vcpu, value);
    else if (msr == X2APIC_ESR)
        ok = msr_write_errors(vcpu, value);
    else if (msr >= X2APIC_LVT_TIMER && msr <= X2APIC_LVT_ERROR)
        return msr_write_lvt(vcpu, msr, value);
    else if (msr == MSR_APIC_BASE)
        ok = value == apic_base(vcpu);
    else if (msr == MSR_EFER)
        return msr_write_efer(vcpu, value);
    else if (msr == MSR_XSS) /* CPUID names no component of it */
        ok = value == 0 && wrmsr_safe(msr, value);
    else if (msr == MSR_KVM_WALL_CLOCK)
        ok = clock_write_wall(vcpu, value);
    else if (msr == MSR_KVM_SYSTEM_TIME)
        ok = clock_write_system(vcpu, value);
    else
        ok = msr_write_listed(vcpu->vm, msr, value);
    if (!ok)
        return msr_deny(vcpu, msr, true);
    if (msr_audited(vcpu->vm, msr, CONTROL_WRITE))
        msr_note(vcpu, msr, true, true);
    return true;
}
