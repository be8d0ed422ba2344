/* SPDX-License-Identifier: Apache-2.0 */
/* Control fields from the capability MSRs (Intel SDM 3, appendix A). Pure: no MSR is read here. */
#include "x86/vmx/capability.h"

#include "x86/msr.h"
#include "x86/vmx/vmcs.h"

#define MEMORY_WB 6u

/*
 * Bits that mean nothing and are 1 (A.2, "default1"). Of that class bits 15 and 16 of the primary
 * controls, CR3 accesses, came to have a meaning: they must stay in the guest, so are not listed.
 */
#define PIN_ONES   (1u << 1 | 1u << 2 | 1u << 4)
#define CPU_ONES   (1u << 1 | 7u << 4 | 1u << 8 | 3u << 13 | 1u << 26)
#define EXIT_ONES  (0x1ffu | 3u << 10 | 3u << 13 | 3u << 16)
#define ENTRY_ONES (0x1ffu | 1u << 12)

#define VT_X_TOO_OLD                                                                               \
    "; Mullion needs an Intel processor since Westmere (2010), or as much of the hypervisor "      \
    "below "

enum group { PIN, CPU, CPU2, EXIT, ENTRY, GROUPS };

/* Bits that have no meaning, that Mullion needs, that are good to have. All others stay 0. */
static const struct {
    uint32_t ones, needed, wanted;
} groups[GROUPS] = {
    [PIN] = {PIN_ONES, VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI, 0},
    [CPU] = {CPU_ONES,
             VMX_CPU_TSC_OFFSET | VMX_CPU_IO_BITMAPS | VMX_CPU_MSR_BITMAPS | VMX_CPU_SECONDARY, 0},
    [CPU2] = {0, VMX_CPU2_EPT | VMX_CPU2_VPID | VMX_CPU2_UNRESTRICTED,
              VMX_CPU2_RDTSCP | VMX_CPU2_INVPCID | VMX_CPU2_XSAVES | VMX_CPU2_USER_WAIT |
                  VMX_CPU2_ENCLS | VMX_CPU2_ENCLV},
    [EXIT] = {EXIT_ONES,
              VMX_EXIT_HOST64 | VMX_EXIT_SAVE_DEBUG | VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER |
                  VMX_EXIT_SAVE_PAT | VMX_EXIT_LOAD_PAT,
              0},
    [ENTRY] = {ENTRY_ONES, VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_LOAD_EFER | VMX_ENTRY_LOAD_PAT, 0},
};

/* What must be possible, whether it is on from the start or now and then; most telling first. */
static const struct {
    enum group group;
    uint32_t bits;
    const char *lack;
} possible[] = {
    {CPU, VMX_CPU_SECONDARY, "VT-x has no secondary controls" VT_X_TOO_OLD "it"},
    {CPU2, VMX_CPU2_EPT, "VT-x has no EPT" VT_X_TOO_OLD "it (KVM: kvm_intel.ept=1)"},
    {CPU2, VMX_CPU2_UNRESTRICTED,
     "VT-x has no unrestricted guest" VT_X_TOO_OLD "it (KVM: kvm_intel.unrestricted_guest=1)"},
    {CPU2, VMX_CPU2_VPID, "VT-x has no VPID" VT_X_TOO_OLD "it (KVM: kvm_intel.vpid=1)"},
    {PIN, VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI,
     "VT-x has no virtual NMIs" VT_X_TOO_OLD "it (KVM: kvm_intel.vnmi=1)"},
    {CPU, VMX_CPU_NMI_WINDOW, "VT-x has no NMI window" VT_X_TOO_OLD "it (KVM: kvm_intel.vnmi=1)"},
    {CPU, VMX_CPU_MTF, "VT-x has no monitor trap flag" VT_X_TOO_OLD "it"},
    {CPU, VMX_CPU_TSC_OFFSET, "VT-x has no TSC offset" VT_X_TOO_OLD "it"},
    {CPU, VMX_CPU_IO_BITMAPS | VMX_CPU_MSR_BITMAPS,
     "VT-x has no bitmaps for ports and MSRs" VT_X_TOO_OLD "it"},
    {EXIT, VMX_EXIT_HOST64, "VT-x has no 64-bit host" VT_X_TOO_OLD "it"},
    {EXIT, VMX_EXIT_SAVE_DEBUG, "VT-x does not save debug controls" VT_X_TOO_OLD "it"},
    {EXIT, VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER | VMX_EXIT_SAVE_PAT | VMX_EXIT_LOAD_PAT,
     "VT-x does not switch EFER and PAT at an exit" VT_X_TOO_OLD "it"},
    {ENTRY, VMX_ENTRY_LOAD_EFER | VMX_ENTRY_LOAD_PAT,
     "VT-x does not switch EFER and PAT at an entry" VT_X_TOO_OLD "it"},
    {ENTRY, VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_IA32E,
     "VT-x has no 64-bit guest with debug controls" VT_X_TOO_OLD "it"},
};

bool vmx_may_set(uint64_t msr, uint32_t bit)
{
    return ((uint32_t)(msr >> 32) & bit) == bit;
}

void vmx_read(uint64_t (*read)(uint32_t msr), struct vmx_capability *c)
{
    c->basic = read(MSR_VMX_BASIC);
    bool exact = (c->basic & VMX_BASIC_TRUE) != 0;
    c->pin = read(exact ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN);
    c->cpu = read(exact ? MSR_VMX_TRUE_CPU : MSR_VMX_CPU);
    c->exit = read(exact ? MSR_VMX_TRUE_EXIT : MSR_VMX_EXIT);
    c->entry = read(exact ? MSR_VMX_TRUE_ENTRY : MSR_VMX_ENTRY);
    c->cpu2 = vmx_may_set(c->cpu, VMX_CPU_SECONDARY) ? read(MSR_VMX_CPU2) : 0;
    c->ept_vpid = vmx_may_set(c->cpu2, VMX_CPU2_EPT) ? read(MSR_VMX_EPT_VPID) : 0;
    c->misc = read(MSR_VMX_MISC);
    c->cr0_fixed0 = read(MSR_VMX_CR0_FIXED0);
    c->cr0_fixed1 = read(MSR_VMX_CR0_FIXED1);
    c->cr4_fixed0 = read(MSR_VMX_CR4_FIXED0);
    c->cr4_fixed1 = read(MSR_VMX_CR4_FIXED1);
}

static const char *lacks_basic(const struct vmx_capability *capability)
{
    uint64_t basic = capability->basic;
    unsigned size = (unsigned)(basic >> 32) & 0x1fff;
    if (size == 0)
        return "the processor has no Intel VT-x; on a machine that has it switch \"Intel "
               "Virtualization Technology\" on in the firmware's set-up (KVM: -cpu host with "
               "kvm_intel.nested=1)";
    if (size > PAGE_SIZE)
        return "VT-x wants more than a page for its VMCS, which no processor should";
    if ((basic >> 48 & 1) != 0)
        return "VT-x takes addresses below 4 GiB only: a processor without Intel 64";
    if ((basic >> 50 & 0xf) != MEMORY_WB)
        return "VT-x wants its VMCS in memory that is not write-back, which no processor should";
    return NULL;
}

static const char *lacks_translation(uint64_t caps)
{
    if ((caps & VMX_EPT_WALK_4) == 0)
        return "EPT has no tables of 4 levels" VT_X_TOO_OLD "it";
    if ((caps & VMX_EPT_WB) == 0)
        return "EPT has no write-back tables" VT_X_TOO_OLD "it";
    if ((caps & VMX_EPT_2M) == 0)
        return "EPT has no pages of 2 MiB" VT_X_TOO_OLD "it";
    if ((caps & VMX_INVEPT) == 0 || (caps & (VMX_INVEPT_SINGLE | VMX_INVEPT_ALL)) == 0)
        return "VT-x has no INVEPT" VT_X_TOO_OLD "it";
    if ((caps & VMX_INVVPID) == 0 || (caps & (VMX_INVVPID_SINGLE | VMX_INVVPID_ALL)) == 0)
        return "VT-x has no INVVPID" VT_X_TOO_OLD "it";
    return NULL;
}

/* What guests may do to CR0 and CR4: unrestricted guest lifts PE and PG of what is fixed. */
static const char *lacks_registers(const struct vmx_capability *capability)
{
    if ((capability->cr0_fixed0 & ~(CR0_PE | CR0_NE | CR0_PG)) != 0)
        return "VT-x fixes bits of CR0 that guests must be free to clear" VT_X_TOO_OLD "it";
    if ((capability->cr4_fixed0 & ~CR4_VMXE) != 0)
        return "VT-x fixes bits of CR4 that guests must be free to clear" VT_X_TOO_OLD "it";
    return NULL;
}

/* Exits that the processor insists on, and Mullion does without. */
static const char *insists(const uint64_t msrs[GROUPS])
{
    if (((uint32_t)msrs[CPU] & (VMX_CPU_CR3_LOAD | VMX_CPU_CR3_STORE)) != 0)
        return "VT-x cannot leave CR3 to the guest: it has no \"true\" controls" VT_X_TOO_OLD "it";
    for (unsigned i = 0; i < GROUPS; i++)
        if (((uint32_t)msrs[i] & ~(groups[i].ones | groups[i].needed | groups[i].wanted)) != 0)
            return "VT-x insists on a control that Mullion does without, which no processor should";
    return NULL;
}

const char *vmx_compute(const struct vmx_capability *capability, struct vmx_controls *controls)
{
    const uint64_t msrs[GROUPS] = {[PIN] = capability->pin,
                                   [CPU] = capability->cpu,
                                   [CPU2] = capability->cpu2,
                                   [EXIT] = capability->exit,
                                   [ENTRY] = capability->entry};
    uint32_t values[GROUPS];
    const char *lack = lacks_basic(capability);
    for (unsigned i = 0; i < ARRAY_SIZE(possible) && lack == NULL; i++)
        if (!vmx_may_set(msrs[possible[i].group], possible[i].bits))
            lack = possible[i].lack;
    if (lack == NULL)
        lack = lacks_translation(capability->ept_vpid);
    if (lack == NULL)
        lack = lacks_registers(capability);
    if (lack == NULL)
        lack = insists(msrs);
    if (lack != NULL)
        return lack;
    for (unsigned i = 0; i < GROUPS; i++)
        values[i] =
            (uint32_t)msrs[i] | groups[i].needed | (groups[i].wanted & (uint32_t)(msrs[i] >> 32));
    *controls =
        (struct vmx_controls){values[PIN], values[CPU], values[CPU2], values[EXIT], values[ENTRY]};
    return NULL;
}
