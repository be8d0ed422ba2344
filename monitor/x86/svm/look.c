/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that not every processor tells whole: which bits a write of CR0 or CR4 changes, which
 * interrupt INT n is. The guest executes the instruction; what came of it is then looked at, and
 * undone where it is denied (AMD APM 2, 15.8, 15.20).
 */
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/svm/svm.h"

#define EVENT_TYPE (7ull << 8)

static uint64_t *register_of(struct vmcb *vmcb, enum control_event event)
{
    return event == CONTROL_CR0 ? &vmcb->cr0 : &vmcb->cr4;
}

bool svm_look_needed(const struct vcpu *vcpu, enum control_event event)
{
    return event == CONTROL_SWINT || atomic_load(&vcpu->vm->controls)->bits[event] != 0;
}

void svm_look_begin(struct vcpu *vcpu, enum control_event event)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (event == CONTROL_SWINT) {
        vcpu->step_rip = vmcb->next_rip;
        vcpu->step_old = vmcb->idtr.limit;
        vmcb->idtr.limit = 0; /* no gate is within it: #GP, at the delivery of what we ask for */
    } else {
        vcpu->step_rip = vcpu->rip;
        vcpu->step_old = *register_of(vmcb, event);
    }
    svm_step_over(vcpu, event);
    vcpu->step_looks = event != CONTROL_SWINT;
}

/* The register as before. What may have been cached under its new value is dropped. */
static void undo(struct vcpu *vcpu, enum control_event event)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    *register_of(vmcb, event) = vcpu->step_old;
    vmcb->efer &= ~EFER_LMA;
    if ((vmcb->efer & EFER_LME) != 0 && (vmcb->cr0 & CR0_PG) != 0)
        vmcb->efer |= EFER_LMA;
    vmcb->tlb_control = TLB_FLUSH_ALL;
}

/* Behind the write. It is noted, and denied, where it stands. */
enum exit_reason svm_look_register(struct vcpu *vcpu, enum control_event event)
{
    uint64_t now = *register_of(vmcb_of(vcpu), event), next = vcpu->rip;
    if (((now ^ vcpu->step_old) & atomic_load(&vcpu->vm->controls)->bits[event]) == 0)
        return EXIT_STEP;
    vcpu->rip = vcpu->step_rip;
    if (exit_control(vcpu, event, now))
        vcpu->rip = next;
    else
        undo(vcpu, event);
    return (enum exit_reason)(EXIT_CONTROL + event);
}

bool svm_look_is_interrupt(const struct vcpu *vcpu)
{
    return vcpu->step_over == CONTROL_SWINT + 1 &&
           (vmcb_of(vcpu)->exit_int_info & (EVENT_VALID | EVENT_TYPE)) == EVENT_SOFTWARE;
}

/* The #GP at its delivery is what the guest gets if it is denied; else it is injected. */
enum exit_reason svm_look_interrupt(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    unsigned vector = vmcb->exit_int_info & 0xff;
    if (!exit_control(vcpu, CONTROL_SWINT, vector)) {
        svm_give_back(vcpu, VECTOR_GP);
    } else {
        vcpu->event = EVENT_SOFTWARE | vector;
        vmcb->next_rip = vcpu->step_rip;
        if (vcpu->step_rip == 0) /* emulators report INT3 and INTO here, too */
            vcpu->rip += vector == VECTOR_BP || vector == VECTOR_OF ? 1 : 2;
    }
    return (enum exit_reason)(EXIT_CONTROL + CONTROL_SWINT);
}
