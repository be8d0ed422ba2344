/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction of a guest by the monitor trap flag, if need be on tables with one page exchanged
 * (Intel SDM 3, 26.5.2). */
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/vmx/vmx.h"

#define ALL_EXCEPTIONS UINT32_MAX
#define PAGE_FLAGS     (PTE_PRESENT | PTE_WRITE | PTE_USER | (uint64_t)EPTP_WB << EPTE_TYPE_SHIFT)

/* Back behind the next instruction, or at a fault of it; no interrupt comes in between. */
static void trap_on(struct vcpu *vcpu)
{
    vcpu->step_saved_flags = vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF;
    vmx_clear_bits(VMCS_GUEST_RFLAGS, RFLAGS_IF);
    vmx_clear_bits(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
    vmx_set_bits(VMCS_CPU, VMX_CPU_MTF);
    vmwrite(VMCS_EXCEPTIONS, ALL_EXCEPTIONS);
    vcpu->stepping = true;
}

/* The guest's own tables, flags and controls. */
void vmx_step_cancel(struct vcpu *vcpu)
{
    vmx_set_bits(VMCS_GUEST_RFLAGS, vcpu->step_saved_flags);
    vmx_clear_bits(VMCS_CPU, VMX_CPU_MTF);
    vcpu->stepping = false;
    vcpu->step_over = 0;
    vmx_set_controls(vcpu);
    if (vcpu->step_elsewhere)
        vmx_set_ept(vcpu->vm->nested_root);
    vcpu->step_elsewhere = false;
}

bool vmx_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page)
{
    uint64_t *overlay = step_overlay(vcpu, gpa, page, PAGE_FLAGS);
    if (overlay == NULL)
        return false;
    vmx_set_ept(overlay);
    vcpu->step_elsewhere = true;
    trap_on(vcpu);
    return true;
}

void vmx_step_over(struct vcpu *vcpu, enum control_event event)
{
    vcpu->step_done = NULL;
    vcpu->step_over = (uint8_t)(event + 1);
    vmx_set_controls(vcpu);
    trap_on(vcpu);
}

/* The monitor trap flag's exit: the instruction is done, and a #DB of the guest's own waits. */
enum exit_reason vmx_step_end(struct vcpu *vcpu)
{
    vmx_step_cancel(vcpu);
    if (vcpu->step_done != NULL)
        vcpu->step_done(vcpu);
    vcpu->step_done = NULL;
    return EXIT_STEP;
}
