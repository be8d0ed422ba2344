/* SPDX-License-Identifier: Apache-2.0 */
/* A VM entry that has failed, in words: this core's VMCS as entry_check wants it. */
#include "x86/asm.h"
#include "x86/vmx/entry_check.h"
#include "x86/vmx/vmx.h"

#define LEAF_WIDTHS  0x80000008u
#define FIELDS_APART 2u

const char *vmx_why_state(void)
{
    uint32_t widths = cpuid(LEAF_WIDTHS, 0).eax;
    struct vmx_guest_state state = {
        .cr0 = vmread(VMCS_GUEST_CR0),
        .cr3 = vmread(VMCS_GUEST_CR3),
        .cr4 = vmread(VMCS_GUEST_CR4),
        .efer = vmread(VMCS_GUEST_EFER),
        .rflags = vmread(VMCS_GUEST_RFLAGS),
        .rip = vmread(VMCS_GUEST_RIP),
        .dr7 = vmread(VMCS_GUEST_DR7),
        .debugctl = vmread(VMCS_GUEST_DEBUGCTL),
        .pat = vmread(VMCS_GUEST_PAT),
        .sysenter_esp = vmread(VMCS_GUEST_SYSENTER_ESP),
        .sysenter_eip = vmread(VMCS_GUEST_SYSENTER_EIP),
        .gdtr = {vmread(VMCS_GUEST_GDTR_BASE), (uint32_t)vmread(VMCS_GUEST_GDTR_LIMIT)},
        .idtr = {vmread(VMCS_GUEST_IDTR_BASE), (uint32_t)vmread(VMCS_GUEST_IDTR_LIMIT)},
        .pending_debug = vmread(VMCS_GUEST_PENDING_DEBUG),
        .link_pointer = vmread(VMCS_LINK_POINTER),
        .activity = (uint32_t)vmread(VMCS_GUEST_ACTIVITY),
        .interruptibility = (uint32_t)vmread(VMCS_GUEST_INTERRUPTIBILITY),
        .entry_controls = (uint32_t)vmread(VMCS_ENTRY),
        .entry_event = (uint32_t)vmread(VMCS_ENTRY_EVENT),
        .physical_bits = widths & 0xff,
        .linear_bits = widths >> 8 & 0xff,
    };
    for (uint32_t i = 0; i < VMX_SEGMENTS; i++)
        state.segments[i] = (struct vmx_segment_state){
            .selector = (uint16_t)vmread(VMCS_GUEST_ES + FIELDS_APART * i),
            .base = vmread(VMCS_GUEST_ES_BASE + FIELDS_APART * i),
            .limit = (uint32_t)vmread(VMCS_GUEST_ES_LIMIT + FIELDS_APART * i),
            .rights = (uint32_t)vmread(VMCS_GUEST_ES_RIGHTS + FIELDS_APART * i),
        };
    for (uint32_t i = 0; i < ARRAY_SIZE(state.pdpte); i++)
        state.pdpte[i] = vmread(VMCS_GUEST_PDPTE0 + FIELDS_APART * i);
    const char *why = vmx_entry_check(&state, &vmx_capability, true);
    return why != NULL ? why : "an entry that failed for no reason known here";
}

const char *vmx_why_instruction(void)
{
    return vmx_instruction_error((uint32_t)vmread(VMCS_INSTRUCTION_ERROR));
}
