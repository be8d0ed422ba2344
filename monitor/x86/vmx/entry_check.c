/* SPDX-License-Identifier: Apache-2.0 */
/* VM entry's checks of the guest's state (Intel SDM 3, 27.3.1), which only say that one failed. */
#include "x86/vmx/entry_check.h"

#include "x86/msr.h"
#include "x86/vmx/vmcs.h"

#define CR4_PCIDE         (1ull << 17)
#define CR4_CET           (1ull << 23)
#define CR3_LAM           (3ull << 61) /* may be set where there is linear-address masking */
#define RFLAGS_VM         (1ull << 17)
#define RFLAGS_RESERVED   0xffffffffffc08028ull
#define EFER_KNOWN        (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define DEBUGCTL_BTF      (1ull << 1)
#define DEBUGCTL_RESERVED 0xffffffffffff0038ull
#define PENDING_RESERVED  0xfffffffffffeaff0ull
#define BLOCKING_RESERVED 0xffffffe0u
#define PDPTE_RESERVED    0x1e6ull
#define NO_LINK           UINT64_MAX
#define MISC_ACTIVITIES   6 /* IA32_VMX_MISC: HLT, shutdown, wait-for-SIPI */

bool vmx_canonical(uint64_t address, unsigned bits)
{
    int64_t sign = (int64_t)address >> (bits - 1);
    return sign == 0 || sign == -1;
}

static bool guest_is_64bit(const struct vmx_guest_state *state)
{
    return (state->entry_controls & VMX_ENTRY_IA32E) != 0;
}

static bool pages(const struct vmx_guest_state *state)
{
    return (state->cr0 & CR0_PG) != 0;
}

/* 27.3.1.1, first half. CD and NW are not looked at. */
static const char *check_control_registers(const struct vmx_guest_state *state,
                                           const struct vmx_capability *capability,
                                           bool unrestricted)
{
    uint64_t ones = capability->cr0_fixed0 & ~(CR0_CD | CR0_NW);
    if (unrestricted)
        ones &= ~(CR0_PE | CR0_PG);
    if ((state->cr0 & ones) != ones)
        return "CR0 lacks a bit that VT-x fixes at 1";
    if ((state->cr0 & ~capability->cr0_fixed1) != 0)
        return "CR0 has a bit that VT-x fixes at 0";
    if (pages(state) && (state->cr0 & CR0_PE) == 0)
        return "CR0 has PG without PE";
    if ((state->cr4 & capability->cr4_fixed0) != capability->cr4_fixed0)
        return "CR4 lacks a bit that VT-x fixes at 1";
    if ((state->cr4 & ~capability->cr4_fixed1) != 0)
        return "CR4 has a bit that this processor does not have";
    if ((state->cr4 & CR4_CET) != 0 && (state->cr0 & CR0_WP) == 0)
        return "CR4 has CET, and CR0 lacks WP";
    if (guest_is_64bit(state) && !pages(state))
        return "the guest is to be in long mode, and CR0 lacks PG";
    if (guest_is_64bit(state) && (state->cr4 & CR4_PAE) == 0)
        return "the guest is to be in long mode, and CR4 lacks PAE";
    if (!guest_is_64bit(state) && (state->cr4 & CR4_PCIDE) != 0)
        return "CR4 has PCIDE outside of long mode";
    if ((state->cr3 & ~CR3_LAM) >> state->physical_bits != 0)
        return "CR3 is above the processor's physical addresses";
    return NULL;
}

static bool pat_fails(uint64_t pat)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        unsigned type = pat >> shift & 0xff;
        if (type > 7 || type == 2 || type == 3)
            return true;
    }
    return false;
}

/* 27.3.1.1, second half. */
static const char *check_registers(const struct vmx_guest_state *state)
{
    uint32_t controls = state->entry_controls;
    if ((controls & VMX_ENTRY_LOAD_DEBUG) != 0 && (state->debugctl & DEBUGCTL_RESERVED) != 0)
        return "DEBUGCTL has reserved bits";
    if ((controls & VMX_ENTRY_LOAD_DEBUG) != 0 && state->dr7 >> 32 != 0)
        return "DR7 is wider than 32 bits";
    if (!vmx_canonical(state->sysenter_esp, state->linear_bits))
        return "SYSENTER_ESP is not canonical";
    if (!vmx_canonical(state->sysenter_eip, state->linear_bits))
        return "SYSENTER_EIP is not canonical";
    if ((controls & VMX_ENTRY_LOAD_PAT) != 0 && pat_fails(state->pat))
        return "PAT has a memory type that there is not";
    if ((controls & VMX_ENTRY_LOAD_EFER) == 0)
        return NULL;
    if ((state->efer & ~EFER_KNOWN) != 0)
        return "EFER has reserved bits";
    if (((state->efer & EFER_LMA) != 0) != guest_is_64bit(state))
        return "EFER's LMA is not what the entry control \"IA-32e mode guest\" says";
    if (pages(state) && ((state->efer & EFER_LMA) != 0) != ((state->efer & EFER_LME) != 0))
        return "EFER's LMA is not its LME, and CR0 has PG";
    return NULL;
}

static bool injects(const struct vmx_guest_state *state, uint32_t type)
{
    return (state->entry_event & VMX_EVENT_VALID) != 0 &&
           (state->entry_event & VMX_EVENT_TYPE) == type;
}

/* 27.3.1.4 */
static const char *check_rip(const struct vmx_guest_state *state)
{
    bool code64 = guest_is_64bit(state) && (state->segments[VMX_CS].rights & RIGHTS_L) != 0;
    uint64_t above = state->rip >> (code64 ? state->linear_bits : 32);
    if (above != 0 && (!code64 || above != UINT64_MAX >> state->linear_bits))
        return code64 ? "RIP has more bits than an address" : "RIP is wider than 32 bits";
    if ((state->rflags & RFLAGS_RESERVED) != 0 || (state->rflags & RFLAGS_FIXED) == 0)
        return "RFLAGS has reserved bits, or lacks bit 1";
    if ((state->rflags & RFLAGS_VM) != 0 && (guest_is_64bit(state) || (state->cr0 & CR0_PE) == 0))
        return "RFLAGS has VM in long mode or real mode";
    if (injects(state, VMX_EVENT_INTERRUPT) && (state->rflags & RFLAGS_IF) == 0)
        return "an interrupt is injected, and RFLAGS lacks IF";
    return NULL;
}

/* What may be injected into a guest that is not active. */
static bool activity_takes_event(const struct vmx_guest_state *state)
{
    uint32_t vector = state->entry_event & VMX_EVENT_VECTOR;
    if ((state->entry_event & VMX_EVENT_VALID) == 0 || state->activity == ACTIVITY_ACTIVE)
        return true;
    if (state->activity == ACTIVITY_SIPI)
        return false;
    if (injects(state, VMX_EVENT_NMI) || (injects(state, VMX_EVENT_EXCEPTION) && vector == 18))
        return true;
    return state->activity == ACTIVITY_HLT &&
           (injects(state, VMX_EVENT_INTERRUPT) || injects(state, VMX_EVENT_OTHER) ||
            (injects(state, VMX_EVENT_EXCEPTION) && vector == VECTOR_DB));
}

/* 27.3.1.5, activity */
static const char *check_activity(const struct vmx_guest_state *state, uint64_t misc)
{
    if (state->activity > ACTIVITY_SIPI ||
        (state->activity != ACTIVITY_ACTIVE &&
         (misc >> (MISC_ACTIVITIES + state->activity - ACTIVITY_HLT) & 1) == 0))
        return "the activity state is none of this processor's";
    if (state->activity == ACTIVITY_HLT &&
        (state->segments[VMX_SS].rights >> RIGHTS_DPL_SHIFT & 3) != 0)
        return "the guest is to be halted, and SS's DPL is not 0";
    if (state->activity != ACTIVITY_ACTIVE &&
        (state->interruptibility & (BLOCKING_STI | BLOCKING_MOV_SS)) != 0)
        return "the guest is not to be active, but in the shadow of STI or MOV SS";
    if (!activity_takes_event(state))
        return "what is injected does not wake the guest from its activity state";
    return NULL;
}

/* 27.3.1.5, interruptibility; virtual NMIs are on. */
static const char *check_blocking(const struct vmx_guest_state *state)
{
    uint32_t blocking = state->interruptibility;
    if ((blocking & BLOCKING_RESERVED) != 0)
        return "the interruptibility state has reserved bits";
    if ((blocking & BLOCKING_STI) != 0 && (blocking & BLOCKING_MOV_SS) != 0)
        return "the interruptibility state has the shadows of both STI and MOV SS";
    if ((blocking & BLOCKING_STI) != 0 && (state->rflags & RFLAGS_IF) == 0)
        return "the shadow of STI is there, and RFLAGS lacks IF";
    if ((blocking & BLOCKING_SMI) != 0)
        return "the interruptibility state blocks SMIs outside of SMM";
    if (injects(state, VMX_EVENT_INTERRUPT) && (blocking & (BLOCKING_STI | BLOCKING_MOV_SS)) != 0)
        return "an interrupt is injected into the shadow of STI or MOV SS";
    if (injects(state, VMX_EVENT_NMI) && (blocking & BLOCKING_MOV_SS) != 0)
        return "an NMI is injected into the shadow of MOV SS";
    if (injects(state, VMX_EVENT_NMI) && (blocking & BLOCKING_STI) != 0)
        return "an NMI is injected into the shadow of STI, which some processors refuse";
    if (injects(state, VMX_EVENT_NMI) && (blocking & BLOCKING_NMI) != 0)
        return "an NMI is injected, and NMIs are blocked";
    return NULL;
}

/* 27.3.1.5, pending debug exceptions; 27.3.1.6 */
static const char *check_rest(const struct vmx_guest_state *state)
{
    bool waits = (state->interruptibility & (BLOCKING_STI | BLOCKING_MOV_SS)) != 0 ||
                 state->activity == ACTIVITY_HLT;
    bool steps = (state->rflags & RFLAGS_TF) != 0 && (state->debugctl & DEBUGCTL_BTF) == 0;
    bool pae = pages(state) && (state->cr4 & CR4_PAE) != 0 && !guest_is_64bit(state);
    if ((state->pending_debug & PENDING_RESERVED) != 0)
        return "the pending debug exceptions have reserved bits";
    if (waits && steps && (state->pending_debug & PENDING_DEBUG_BS) == 0)
        return "RFLAGS has TF in a shadow or HLT, and the pending debug exceptions lack BS";
    if (waits && !steps && (state->pending_debug & PENDING_DEBUG_BS) != 0)
        return "the pending debug exceptions have BS, and the guest is not stepping";
    if (state->link_pointer != NO_LINK)
        return "the VMCS link pointer is not all ones";
    for (unsigned i = 0; i < ARRAY_SIZE(state->pdpte) && pae; i++)
        if ((state->pdpte[i] & PTE_PRESENT) != 0 && ((state->pdpte[i] & PDPTE_RESERVED) != 0 ||
                                                     state->pdpte[i] >> state->physical_bits != 0))
            return "a PDPTE of PAE paging has reserved bits";
    return NULL;
}

const char *vmx_entry_check(const struct vmx_guest_state *state,
                            const struct vmx_capability *capability, bool unrestricted)
{
    const char *fault = check_control_registers(state, capability, unrestricted);
    if (fault == NULL)
        fault = check_registers(state);
    if (fault == NULL)
        fault = vmx_segment_check(state, unrestricted);
    if (fault == NULL)
        fault = check_rip(state);
    if (fault == NULL)
        fault = check_activity(state, capability->misc);
    if (fault == NULL)
        fault = check_blocking(state);
    return fault != NULL ? fault : check_rest(state);
}
