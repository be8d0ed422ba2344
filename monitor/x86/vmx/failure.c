/* SPDX-License-Identifier: Apache-2.0 */
/* Why the VM entry of this core's VMCS has failed: its fields, for the checks in entry_check.c. */
#include "x86/asm.h"
#include "x86/vmx/entry_check.h"
#include "x86/vmx/vmx.h"

#define FIELDS_APART 2u /* from one segment's to the next one's */

static struct vmx_segment_state read_segment(uint32_t i)
{
    uint32_t apart = i * FIELDS_APART;
    return (struct vmx_segment_state){.selector = (uint16_t)vmread(VMCS_GUEST_ES + apart),
                                      .base = vmread(VMCS_GUEST_ES_BASE + apart),
                                      .limit = (uint32_t)vmread(VMCS_GUEST_ES_LIMIT + apart),
                                      .rights = (uint32_t)vmread(VMCS_GUEST_ES_RIGHTS + apart)};
}

static void read_state(struct vmx_guest_state *state)
{
    uint32_t widths = cpuid(0x80000008, 0).eax;
    *state = (struct vmx_guest_state){
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
        .pdpte = {vmread(VMCS_GUEST_PDPTE0), vmread(VMCS_GUEST_PDPTE1), vmread(VMCS_GUEST_PDPTE2),
                  vmread(VMCS_GUEST_PDPTE3)},
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
        state->segments[i] = read_segment(i);
}

const char *vmx_why_state(void)
{
    struct vmx_guest_state state;
    read_state(&state);
    const char *fault = vmx_entry_check(&state, &vmx_capability, true);
    return fault != NULL ? fault : "VT-x refuses the guest's state, and no check that is known";
}

const char *vmx_why_instruction(void)
{
    return vmx_instruction_error((uint32_t)vmread(VMCS_INSTRUCTION_ERROR));
}
