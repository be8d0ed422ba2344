/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers: an allow list. What is not listed is denied, counted, logged once. */
#include "core/log.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define MSR_KVM_WALL_CLOCK   0x4b564d00u
#define MSR_KVM_SYSTEM_TIME  0x4b564d01u
#define MSR_PRED_CMD         0x00000049u
#define MSR_MCG_CAP          0x00000179u
#define MSR_MISC_ENABLE      0x000001a0u
#define MSR_VIRT_SPEC_CTRL   0xc001011fu
#define MSR_K7_COUNTERS      0xc0010000u
#define MSR_K7_COUNTERS_LAST 0xc0010007u
#define MSR_NB_CFG           0xc001001fu
#define MSR_MMIO_CONFIG_BASE 0xc0010058u
#define MSR_AMD64_LS_CFG     0xc0011020u
#define MSR_AMD64_LAST_CFG   0xc00110ffu

/* Leaf 8000_0001 */
#define CPUID_TCE   (1u << 17) /* ECX */
#define CPUID_NX    (1u << 20) /* EDX */
#define CPUID_FFXSR (1u << 25) /* EDX */

#define R  CONFIG_ACCESS_READ
#define W  CONFIG_ACCESS_WRITE
#define RW CONFIG_ACCESS_BOTH

/* Never leave the guest: state of its own core that VMLOAD switches or that harms nobody. */
static const struct {
    uint32_t first, last;
    enum config_access access;
} msr_passed[] = {
    {MSR_TSC, MSR_TSC, R},
    {MSR_SPEC_CTRL, MSR_SPEC_CTRL, RW},
    {MSR_PRED_CMD, MSR_PRED_CMD, W},
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP, RW},
    {MSR_PAT, MSR_PAT, RW},
    {MSR_TSC_DEADLINE, MSR_TSC_DEADLINE, RW},
    {MSR_XSS, MSR_XSS, RW},
    {X2APIC_ID, X2APIC_ID + 1, R},
    {X2APIC_TPR, X2APIC_TPR, RW},
    {0x80a, 0x80a, R}, /* processor priority */
    {X2APIC_EOI, X2APIC_EOI, W},
    {X2APIC_LDR, X2APIC_LDR, R},
    {X2APIC_SVR, X2APIC_SVR, RW},
    {X2APIC_ISR0, X2APIC_IRR0 + 7, R},
    {X2APIC_ESR, X2APIC_ESR, RW},
    {X2APIC_LVT_TIMER, X2APIC_LVT_ERROR, R}, /* writes are looked at; the timer's may pass */
    {X2APIC_TIMER_INIT, X2APIC_TIMER_INIT, RW},
    {X2APIC_TIMER_COUNT, X2APIC_TIMER_COUNT, R},
    {X2APIC_TIMER_DIVIDE, X2APIC_TIMER_DIVIDE, RW},
    {X2APIC_SELF_IPI, X2APIC_SELF_IPI, W},
    {MSR_STAR, MSR_SFMASK, RW},
    {MSR_FS_BASE, MSR_TSC_AUX, RW},
    {MSR_VIRT_SPEC_CTRL, MSR_VIRT_SPEC_CTRL, RW},
};

/* Leave the guest, read the core's own value, and ignore what is written. */
static const struct {
    uint32_t first, last;
    bool service_only;
} msr_shown[] = {
    {MSR_BIOS_SIGN_ID, MSR_BIOS_SIGN_ID, false},
    {MSR_MISC_ENABLE, MSR_MISC_ENABLE, false},
    {MSR_MTRR_CAP, MSR_MTRR_CAP, true},
    {MSR_MTRR_PHYS_BASE0, MSR_MTRR_PHYS_MASK9, true},
    {MSR_MTRR_FIX_64K, MSR_MTRR_FIX_64K, true},
    {MSR_MTRR_FIX_16K_80, MSR_MTRR_FIX_16K_A0, true},
    {MSR_MTRR_FIX_4K_FIRST, MSR_MTRR_FIX_4K_LAST, true},
    {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, true},
    {MSR_SYSCFG, MSR_SYSCFG, false},
    {MSR_HWCR, MSR_HWCR, false},
    {MSR_NB_CFG, MSR_NB_CFG, false},
    {MSR_MMIO_CONFIG_BASE, MSR_MMIO_CONFIG_BASE, true},
    {MSR_AMD64_LS_CFG, MSR_AMD64_LAST_CFG, false}, /* erratum switches: read, never set */
};

static bool msr_is_apic(uint32_t msr)
{
    return msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST;
}

/* The APIC's are taken for granted: probing one that is missing would leave an error in the ESR. */
static bool msr_exists(uint32_t msr)
{
    uint64_t value;
    return msr_is_apic(msr) || rdmsr_safe(msr, &value);
}

/* The isolation floor: what reaches beyond one core or one VM is no `msr` line's to open. */
static const struct {
    uint32_t first, last;
} msr_floor[] = {
    {MSR_TSC, MSR_TSC},
    {MSR_APIC_BASE, MSR_APIC_BASE},
    {MSR_TSC_ADJUST, MSR_TSC_ADJUST},
    {MSR_INTEL_UCODE, MSR_INTEL_UCODE},
    {MSR_MTRR_PHYS_BASE0, MSR_PAT - 1},
    {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE},
    {MSR_X2APIC_FIRST, MSR_X2APIC_LAST},
    {MSR_EFER, MSR_EFER},
    {MSR_SYSCFG, MSR_TOP_MEM2}, /* with HWCR, the IORRs and the top of memory */
    {MSR_AMD_UCODE, MSR_AMD_UCODE},
    {MSR_SMM_BASE, MSR_VM_HSAVE_PA}, /* with the SMM key, mask and control, and VM_CR */
};

static bool msr_configurable(uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_floor); i++)
        if (msr >= msr_floor[i].first && msr <= msr_floor[i].last)
            return false;
    return true;
}

/* Apply RULE to the MSRs from FIRST to LAST, which bitmaps cover; true if one is the floor's. */
static bool msr_apply_rule(struct vm *vm, const struct config_rule *rule, uint32_t first,
                           uint32_t last)
{
    bool refused = false;
    first = rule->first > first ? rule->first : first;
    last = rule->last < last ? rule->last : last;
    for (uint32_t msr = first; msr <= last; msr++) {
        if (msr_configurable(msr))
            backend->pass_msr(vm, msr, rule->access, rule->allow);
        else
            refused = true;
    }
    return refused;
}

static void msr_apply_rules(struct vm *vm)
{
    static const uint32_t covered[] = {0, 0xc0000000, 0xc0010000}; /* 8192 each */
    for (unsigned i = 0; i < vm->config->msr_rules; i++) {
        const struct config_rule *rule = &vm->config->msrs[i];
        bool refused = false;
        for (unsigned k = 0; k < ARRAY_SIZE(covered); k++)
            refused |= msr_apply_rule(vm, rule, covered[k], covered[k] + 0x1fff);
        if (refused)
            log_warning("vm \"%s\": msr 0x%x-0x%x: some of these belong to the monitor and stay "
                        "closed; write a range without them",
                        vm->config->name, rule->first, rule->last);
    }
}

void exit_msr_init(struct vm *vm)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_passed); i++)
        for (uint32_t msr = msr_passed[i].first; msr <= msr_passed[i].last; msr++)
            if (msr_passed[i].access == W || msr_exists(msr))
                backend->pass_msr(vm, msr, msr_passed[i].access, true);
    if (!apic_timer_takes_delivery())
        backend->pass_msr(vm, X2APIC_LVT_TIMER, W, true);
    msr_apply_rules(vm);
}

/* What the user's lines say of an access that has left the guest; the last that fits wins. */
static const struct config_rule *msr_rule(const struct vm *vm, uint32_t msr,
                                          enum config_access access)
{
    for (unsigned i = vm->config->msr_rules; i-- > 0;) {
        const struct config_rule *rule = &vm->config->msrs[i];
        if (msr >= rule->first && msr <= rule->last && (rule->access & access) != 0 &&
            msr_configurable(msr))
            return rule;
    }
    return NULL;
}

static bool msr_is_shown(const struct vm *vm, uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_shown); i++)
        if (msr >= msr_shown[i].first && msr <= msr_shown[i].last)
            return vm->service || !msr_shown[i].service_only;
    return false;
}

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

static bool msr_deny(struct vcpu *vcpu, uint32_t msr, bool write)
{
    struct vm *vm = vcpu->vm;
    atomic_fetch_add(&vm->denied_msrs, 1);
    vcpu_fault_gp(vcpu);
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

static bool msr_readable(const struct vm *vm, uint32_t msr)
{
    const struct config_rule *rule = msr_rule(vm, msr, CONFIG_ACCESS_READ);
    return rule != NULL ? rule->allow : msr_is_shown(vm, msr);
}

bool exit_msr_read(struct vcpu *vcpu, uint32_t msr)
{
    uint64_t value = 0;
    if (msr == X2APIC_ICR)
        value = vcpu->icr;
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
    if (!allowed)
        return msr_deny(vcpu, msr, true);
    if (!wrmsr_safe(msr, value)) {
        vcpu_fault_gp(vcpu);
        return false;
    }
    return true;
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

/* Allowed by the user: written. Shown: ignored. Anything else is not listed. */
static bool msr_write_listed(const struct vm *vm, uint32_t msr, uint64_t value)
{
    const struct config_rule *rule = msr_rule(vm, msr, CONFIG_ACCESS_WRITE);
    if (rule != NULL)
        return rule->allow && wrmsr_safe(msr, value);
    return msr_is_shown(vm, msr);
}

bool exit_msr_write(struct vcpu *vcpu, uint32_t msr)
{
    uint64_t value = vcpu->regs.rdx << 32 | (uint32_t)vcpu->regs.rax;
    bool ok = true;
    if (msr == X2APIC_ICR)
        ok = ipi_command(vcpu, value);
    else if (msr >= X2APIC_LVT_TIMER && msr <= X2APIC_LVT_ERROR)
        return msr_write_lvt(vcpu, msr, value);
    else if (msr == MSR_APIC_BASE)
        ok = value == apic_base(vcpu);
    else if (msr == MSR_EFER)
        return msr_write_efer(vcpu, value);
    else if (msr == MSR_KVM_WALL_CLOCK)
        ok = clock_write_wall(vcpu, value);
    else if (msr == MSR_KVM_SYSTEM_TIME)
        ok = clock_write_system(vcpu, value);
    else
        ok = msr_write_listed(vcpu->vm, msr, value);
    if (!ok)
        return msr_deny(vcpu, msr, true);
    return true;
}
