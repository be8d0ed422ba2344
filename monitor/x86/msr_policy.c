/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers: an allow list, and the user's lines within what isolation permits. */
#include "x86/msr_policy.h"

#include "core/log.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define MSR_PRED_CMD         0x00000049u
#define MSR_MISC_ENABLE      0x000001a0u
#define MSR_VIRT_SPEC_CTRL   0xc001011fu
#define MSR_NB_CFG           0xc001001fu
#define MSR_MMIO_CONFIG_BASE 0xc0010058u
#define MSR_AMD64_LS_CFG     0xc0011020u
#define MSR_AMD64_LAST_CFG   0xc00110ffu

#define R  CONTROL_READ
#define W  CONTROL_WRITE
#define RW CONTROL_READ_WRITE

/* Never leave the guest: state of its own core that VMLOAD switches or that harms nobody. */
static const struct {
    uint32_t first, last;
    enum control_access access;
} msr_passed[] = {
    {MSR_TSC, MSR_TSC, R},
    {MSR_SPEC_CTRL, MSR_SPEC_CTRL, RW},
    {MSR_PRED_CMD, MSR_PRED_CMD, W},
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP, RW},
    {MSR_PAT, MSR_PAT, RW},
    {MSR_TSC_DEADLINE, MSR_TSC_DEADLINE, RW},
    {MSR_UMWAIT_CONTROL, MSR_UMWAIT_CONTROL, RW},
    {MSR_XSS, MSR_XSS, R}, /* 0: see cpuid_mask.c */
    {X2APIC_ID, X2APIC_ID + 1, R},
    {X2APIC_TPR, X2APIC_TPR, RW},
    {X2APIC_PPR, X2APIC_PPR, R},
    {X2APIC_EOI, X2APIC_EOI, W},
    {X2APIC_LDR, X2APIC_LDR, R},
    {X2APIC_SVR, X2APIC_SVR, RW},
    {X2APIC_ISR0, X2APIC_IRR0 + 7, R},
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
    {MSR_ARCH_CAPABILITIES, MSR_ARCH_CAPABILITIES, false},
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

/*
 * What a VM with `unlisted audit` may read besides: constants of the processor and settings of the
 * firmware, the same in all VMs whatever they do. Reading them changes nothing; nobody writes them.
 * Left out: energy, temperature, frequency and residency, which tell of other cores; machine-check
 * banks and branch records, which tell addresses; counters, which their owner would have to set up.
 * Intel SDM 4, chapter 2; AMD APM 2, appendix A, and the processors' own references (PPR).
 */
static const struct {
    uint32_t first, last;
} msr_constant[] = {
    {0x00000017, 0x00000017}, /* platform id */
    {0x0000003a, 0x0000003a}, /* feature control */
    {0x000000cd, 0x000000cf}, /* bus frequency, platform information, core capabilities */
    {0x000001a2, 0x000001a2}, /* temperature target */
    {0x000001ad, 0x000001ad}, /* turbo ratios */
    {0x00000345, 0x00000345}, /* performance capabilities */
    {0x00000480, 0x00000493}, /* VMX capabilities */
    {0x00000606, 0x00000606}, /* units of RAPL */
    {0xc0010030, 0xc0010035}, /* name of the processor */
    {0xc0010064, 0xc001006b}, /* definitions of P-states */
    {0xc0010140, 0xc0010141}, /* workarounds that the processor needs of its system */
    {0xc0010299, 0xc0010299}, /* units of RAPL */
    {0xc00102b0, 0xc00102b0}, /* CPPC capabilities */
    {0xc0011002, 0xc0011005}, /* what CPUID answers */
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
    {MSR_XSS, MSR_XSS},
    {MSR_EFER, MSR_EFER},
    {MSR_SYSCFG, MSR_TOP_MEM2}, /* with HWCR, the IORRs and the top of memory */
    {MSR_AMD_UCODE, MSR_AMD_UCODE},
    {MSR_SMM_BASE, MSR_VM_HSAVE_PA}, /* with the SMM key, mask and control, and VM_CR */
};

bool msr_configurable(uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_floor); i++)
        if (msr >= msr_floor[i].first && msr <= msr_floor[i].last)
            return false;
    return true;
}

/* What the back end switches with the guest: after an exit the monitor sees its own. */
static const struct {
    uint32_t first, last;
} msr_switched[] = {
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP},
    {MSR_PAT, MSR_PAT},
    {MSR_STAR, MSR_SFMASK},
    {MSR_FS_BASE, MSR_TSC_AUX - 1},
};

const char *msr_rule_refused(const struct control_rule *rule)
{
    bool watched = rule->policy == CONTROL_COUNT || rule->policy == CONTROL_LOG;
    for (unsigned i = 0; i < ARRAY_SIZE(msr_floor); i++)
        if (rule->first <= msr_floor[i].last && rule->last >= msr_floor[i].first)
            return "some of these belong to the monitor and stay closed; write a range without "
                   "them";
    for (unsigned i = 0; i < ARRAY_SIZE(msr_switched) && watched; i++)
        if (rule->first <= msr_switched[i].last && rule->last >= msr_switched[i].first)
            return "some of these are switched with the guest and cannot be watched; allow or "
                   "deny them";
    return NULL;
}

/* What the user's lines say of an access; the last that fits wins. NULL: nothing that can hold. */
static const struct control_rule *msr_rule(const struct vm *vm, uint32_t msr,
                                           enum control_access access)
{
    const struct control_rule *rule = control_find(&atomic_load(&vm->controls)->msrs, msr, access);
    if (rule == NULL)
        return NULL;
    const struct control_rule alone = {msr, msr, rule->access, rule->policy};
    return msr_rule_refused(&alone) == NULL ? rule : NULL;
}

/* Does ACCESS to MSR stay in the guest, if the user says nothing? */
static bool msr_passes(const struct vm *vm, uint32_t msr, enum control_access access)
{
    if (msr == X2APIC_ESR)
        return !vm_lacks_cores(vm);
    if (msr == X2APIC_LVT_TIMER && access == W)
        return !apic_timer_takes_delivery();
    for (unsigned i = 0; i < ARRAY_SIZE(msr_passed); i++)
        if (msr >= msr_passed[i].first && msr <= msr_passed[i].last &&
            (msr_passed[i].access & access) != 0)
            return msr_passed[i].access == W || msr_exists(msr);
    return false;
}

bool msr_shifts(const struct vm *vm, uint32_t msr)
{
    return (msr == MSR_TSC || msr == MSR_TSC_DEADLINE) &&
           (atomic_load(&vm->controls)->tsc_offset != 0 || atomic_load(&vm->hold) == VM_HELD);
}

static void msr_set(struct vm *vm, uint32_t msr, enum control_access access)
{
    const struct control_rule *rule = msr_rule(vm, msr, access);
    bool passes = rule != NULL ? rule->policy == CONTROL_PASS : msr_passes(vm, msr, access);
    backend->pass_msr(vm, msr, access, passes && !msr_shifts(vm, msr));
}

void exit_msr_time(struct vm *vm)
{
    msr_set(vm, MSR_TSC, R);
    msr_set(vm, MSR_TSC_DEADLINE, R);
    msr_set(vm, MSR_TSC_DEADLINE, W);
}

void exit_msr_set_errors(struct vm *vm)
{
    msr_set(vm, X2APIC_ESR, R);
    msr_set(vm, X2APIC_ESR, W);
}

void exit_msr_init(struct vm *vm)
{
    static const uint32_t covered[] = {0, 0xc0000000, 0xc0010000}; /* 8192 each, by bitmaps */
    const struct control_rules *rules = &atomic_load(&vm->controls)->msrs;
    for (unsigned k = 0; k < ARRAY_SIZE(covered); k++)
        for (uint32_t msr = covered[k]; msr < covered[k] + 0x2000; msr++) {
            msr_set(vm, msr, R);
            msr_set(vm, msr, W);
        }
    for (unsigned i = 0; i < rules->count; i++)
        if (msr_rule_refused(&rules->list[i]) != NULL)
            log_warning("vm \"%s\": msr 0x%x-0x%x: %s", vm->config->name, rules->list[i].first,
                        rules->list[i].last, msr_rule_refused(&rules->list[i]));
}

static bool msr_is_shown(const struct vm *vm, uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_shown); i++)
        if (msr >= msr_shown[i].first && msr <= msr_shown[i].last)
            return vm->service || !msr_shown[i].service_only;
    return false;
}

static bool rule_opens(const struct control_rule *rule)
{
    return rule->policy != CONTROL_DENY;
}

bool msr_listed(const struct vm *vm, uint32_t msr, enum control_access access)
{
    return msr_rule(vm, msr, access) != NULL;
}

bool msr_audited(const struct vm *vm, uint32_t msr, enum control_access access)
{
    if (atomic_load(&vm->controls)->unlisted != CONTROL_UNLISTED_AUDIT ||
        msr_listed(vm, msr, access))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(msr_constant); i++)
        if (msr >= msr_constant[i].first && msr <= msr_constant[i].last)
            return true;
    return false;
}

bool msr_readable(const struct vm *vm, uint32_t msr)
{
    const struct control_rule *rule = msr_rule(vm, msr, CONTROL_READ);
    if (rule != NULL)
        return rule_opens(rule);
    return msr_is_shown(vm, msr) || (msr_shifts(vm, msr) && msr_passes(vm, msr, R)) ||
           msr_audited(vm, msr, CONTROL_READ);
}

/* Allowed by the user: written. Shown, or audited and there: ignored. Else it is not listed. */
bool msr_write_listed(const struct vm *vm, uint32_t msr, uint64_t value)
{
    const struct control_rule *rule = msr_rule(vm, msr, CONTROL_WRITE);
    uint64_t old;
    if (rule != NULL && rule->policy == CONTROL_IGNORE)
        return true;
    if (rule != NULL || (msr_shifts(vm, msr) && msr_passes(vm, msr, W)))
        return (rule == NULL || rule_opens(rule)) && wrmsr_safe(msr, value);
    return msr_is_shown(vm, msr) || (msr_audited(vm, msr, CONTROL_WRITE) && rdmsr_safe(msr, &old));
}

bool msr_logged(const struct vm *vm, uint32_t msr, enum control_access access)
{
    const struct control_rule *rule = msr_rule(vm, msr, access);
    return rule != NULL && rule->policy == CONTROL_LOG;
}
