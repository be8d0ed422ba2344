/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction of a guest on tables with one page exchanged (AMD APM 2, 13.1.4 and 15.12). */
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/svm/svm.h"

#define DR6_SINGLE     (1ull << 14)
#define DR6_CAUSES     (0xfull | 1ull << 13 | 1ull << 15) /* breakpoints, DR access, task */
#define CODE_DR4_WRITE 0x34u /* another name of DR6, in which bit 1 is set */
#define ALL_EXCEPTIONS UINT32_MAX

/* Trap behind the next instruction, or at a fault of it. */
static void trap_on(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->step_saved_flags = vmcb->rflags & (RFLAGS_TF | RFLAGS_IF);
    vcpu->step_saved_dr6 = vmcb->dr6;
    if (vcpu->step_over != CONTROL_DR + 1)
        vmcb->dr6 &= ~(DR6_CAUSES | DR6_SINGLE); /* so that it tells of this instruction */
    vcpu->step_sets_dr6 =
        vcpu->step_over == CONTROL_DR + 1 && (vmcb->exit_code & ~2ull) == CODE_DR4_WRITE;
    vmcb->rflags |= RFLAGS_TF;
    vmcb->intercept_exceptions = ALL_EXCEPTIONS;
    vcpu->stepping = true;
}

/* What the instruction itself has raised a #DB for: breakpoints, or an access to DR0 to DR7. */
static uint64_t own_causes(const struct vcpu *vcpu)
{
    bool kept = vcpu->step_over == CONTROL_DR + 1;
    return vmcb_of(vcpu)->dr6 & DR6_CAUSES & (kept ? ~vcpu->step_saved_dr6 : UINT64_MAX);
}

/* Or has it raised a #DB that is a fault? With DR6 its own, that alone says nothing. */
static bool was_executed(const struct vcpu *vcpu)
{
    if (vcpu->step_over == CONTROL_DR + 1)
        return vcpu->rip != vcpu->step_rip;
    return (vmcb_of(vcpu)->dr6 & DR6_SINGLE) != 0;
}

static void trap_off(struct vcpu *vcpu, bool executed)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t own = own_causes(vcpu);
    vmcb->intercept_exceptions = exit_exceptions(vcpu);
    if (executed && vcpu->step_sets_dr6)
        vmcb->dr6 &= ~DR6_SINGLE; /* ours */
    else
        vmcb->dr6 = vcpu->step_saved_dr6 | own;
    if (vcpu->step_over == CONTROL_SWINT + 1)
        vmcb->idtr.limit = (uint32_t)vcpu->step_old;
    vcpu->stepping = false;
    if (vcpu->step_over != 0) {
        vcpu->step_over = 0;
        svm_set_controls(vcpu);
    }
}

bool svm_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t *overlay = step_overlay(vcpu, gpa, page, PTE_PRESENT | PTE_WRITE | PTE_USER);
    if (overlay == NULL)
        return false;
    vmcb->nested_cr3 = (uint64_t)overlay;
    vmcb->tlb_control = TLB_FLUSH_ALL;
    trap_on(vcpu);
    vmcb->rflags &= ~RFLAGS_IF; /* no interrupt in between: it would see the page, too */
    return true;
}

/* The guest's own tables and flags. */
static void restore(struct vcpu *vcpu, bool executed)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->nested_cr3 = (uint64_t)vcpu->vm->nested_root;
    vmcb->tlb_control = TLB_FLUSH_ALL;
    if (!executed || !vcpu->step_iret) /* else they are those that IRET has loaded */
        vmcb->rflags = (vmcb->rflags & ~(RFLAGS_TF | RFLAGS_IF)) | vcpu->step_saved_flags;
    trap_off(vcpu, executed);
    vcpu->step_iret = vcpu->step_looks = false;
}

void svm_step_cancel(struct vcpu *vcpu)
{
    restore(vcpu, false);
}

/* #DB while stepping; one of the instruction's own, or of the guest's single step, is due now. */
enum exit_reason svm_step_end(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    unsigned event = vcpu->step_over;
    bool looks = vcpu->step_looks;
    enum exit_reason reason = EXIT_STEP;
    bool executed = was_executed(vcpu);
    bool due = !executed || (own_causes(vcpu) != 0 && !vcpu->step_sets_dr6);
    restore(vcpu, executed);
    if (executed && vcpu->step_done != NULL)
        vcpu->step_done(vcpu);
    vcpu->step_done = NULL;
    if (executed && looks)
        reason = svm_look_register(vcpu, (enum control_event)(event - 1));
    if (executed && (vcpu->step_saved_flags & RFLAGS_TF) != 0) {
        vmcb->dr6 |= DR6_SINGLE;
        due = true;
    }
    if (!due || vcpu->event != 0)
        return reason;
    return svm_handle_exception(vcpu, VECTOR_DB);
}

void svm_step_over(struct vcpu *vcpu, enum control_event event)
{
    vcpu->step_done = NULL;
    vcpu->step_over = (uint8_t)(event + 1);
    if (event == CONTROL_DR)
        vcpu->step_rip = vcpu->rip;
    svm_set_controls(vcpu);
    trap_on(vcpu);
    vmcb_of(vcpu)->rflags &= ~RFLAGS_IF;
}

/* Let the IRET that ends a guest's NMI handler run, then come back for the next NMI. */
void svm_step_iret(struct vcpu *vcpu)
{
    vcpu->step_done = NULL;
    vcpu->step_iret = true;
    trap_on(vcpu);
}
