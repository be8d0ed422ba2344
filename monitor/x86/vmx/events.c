/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions that have left the guest, and what goes in with an entry (Intel SDM 3, 25.8.3, 25.9).
 */
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/vmx/vmx.h"

#define DEBUG_CAUSES 0xfull
#define DEBUG_SEEN   (DEBUG_CAUSES | 3ull << 13) /* and BD, BS */
#define DR7_DETECT   (1ull << 13)

uint64_t vmx_event_in_delivery(void)
{
    uint64_t event = vmread(VMCS_IDT_EVENT);
    return (event & VMX_EVENT_VALID) != 0 ? event : 0;
}

/* What the processor does to debug registers when it delivers #DB itself (Intel SDM 3, 18.2.3). */
static void give_debug(uint64_t causes)
{
    uint64_t dr6;
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    dr6 = (dr6 & ~DEBUG_CAUSES) | (causes & DEBUG_SEEN);
    __asm__ volatile("mov %0, %%dr6" : : "r"(dr6));
    vmx_clear_bits(VMCS_GUEST_DR7, DR7_DETECT);
}

enum exit_reason vmx_handle_exception(struct vcpu *vcpu)
{
    uint64_t info = vmread(VMCS_EXIT_EVENT), first = vmx_event_in_delivery();
    uint64_t operand = vmread(VMCS_QUALIFICATION);
    unsigned vector = info & VMX_EVENT_VECTOR;
    uint32_t error =
        (info & VMX_EVENT_ERROR_CODE) != 0 ? (uint32_t)vmread(VMCS_EXIT_ERROR_CODE) : 0;
    enum exit_reason reason = exit_exception(vcpu, vector, operand);
    if ((info & VMX_EVENT_NMI_UNBLOCK) != 0 && vector != VECTOR_DF && first == 0)
        vmx_set_bits(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
    if (vector == VECTOR_PF)
        __asm__ volatile("mov %0, %%cr2" : : "r"(operand));
    if (vector == VECTOR_DB)
        give_debug(operand);
    exit_give_exception(vcpu, vector, error, first);
    if ((info & VMX_EVENT_TYPE) !=
        VMX_EVENT_EXCEPTION) { /* INT3, INTO, INT1: of own type, length */
        vcpu->event = EVENT_VALID | (info & (VMX_EVENT_TYPE | VMX_EVENT_VECTOR));
        vmwrite(VMCS_ENTRY_LENGTH, vmread(VMCS_EXIT_LENGTH));
    }
    return reason;
}

/* What goes in with the next entry: a fault first, else an NMI, when the guest can take one. */
uint64_t vmx_prepare_event(struct vcpu *vcpu)
{
    uint64_t event = vcpu->event;
    if (event == 0 && vcpu->nmi_pending && !vcpu->stepping) {
        if ((vmread(VMCS_GUEST_INTERRUPTIBILITY) & (SHADOW | BLOCKING_NMI)) == 0)
            event = EVENT_NMI;
        else
            vmx_set_bits(VMCS_CPU, VMX_CPU_NMI_WINDOW);
    }
    if (event == 0)
        return 0;
    if (event != EVENT_NMI) /* an exception ends the shadow that it came in */
        vmx_clear_bits(VMCS_GUEST_INTERRUPTIBILITY, SHADOW);
    uint32_t given = (uint32_t)event;
    if ((vmread(VMCS_GUEST_CR0) & CR0_PE) == 0)
        given &= ~VMX_EVENT_ERROR_CODE; /* real mode has none, and an entry with one fails */
    vmwrite(VMCS_ENTRY_ERROR_CODE, event >> 32);
    vmwrite(VMCS_ENTRY_EVENT, given);
    return event;
}

void vmx_event_done(struct vcpu *vcpu)
{
    if (vcpu->event != 0)
        vcpu->event = 0;
    else
        vcpu->nmi_pending = false;
}
