/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction of a guest on tables with one page exchanged (AMD APM 2, 13.1.4 and 15.12). */
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/pagetable.h"
#include "x86/svm/svm.h"

#define DR6_SINGLE     (1ull << 14)
#define ALL_EXCEPTIONS UINT32_MAX

/* Trap behind the next instruction, or at a fault of it. */
static void trap_on(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->step_saved_flags = vmcb->rflags & (RFLAGS_TF | RFLAGS_IF);
    vcpu->step_saved_dr6 = vmcb->dr6;
    vmcb->rflags |= RFLAGS_TF;
    vmcb->intercept_exceptions = ALL_EXCEPTIONS;
    vcpu->stepping = true;
}

static void trap_off(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t own = vcpu->step_over != 0 ? vmcb->dr6 & ~DR6_SINGLE : vcpu->step_saved_dr6;
    vmcb->intercept_exceptions = svm_exceptions(vcpu);
    vmcb->dr6 = own | (vcpu->step_saved_dr6 & DR6_SINGLE); /* it may have written it */
    vcpu->stepping = false;
    if (vcpu->step_over != 0) {
        vcpu->step_over = 0;
        svm_set_controls(vcpu);
    }
}

bool svm_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (vcpu->step_tables == NULL)
        vcpu->step_tables = memory_pages(STEP_TABLES);
    if (vcpu->step_tables == NULL)
        return false;
    uint8_t *tables = vcpu->step_tables;
    uint64_t *const below[3] = {(uint64_t *)tables, (uint64_t *)(tables + PAGE_SIZE),
                                (uint64_t *)(tables + 2 * PAGE_SIZE)};
    uint64_t *overlay = (uint64_t *)(tables + 3 * PAGE_SIZE);
    pagetable_overlay(overlay, below, vcpu->vm->nested_root, gpa.v, (uint64_t)page,
                      PTE_PRESENT | PTE_WRITE | PTE_USER);
    vmcb->nested_cr3 = (uint64_t)overlay;
    vmcb->tlb_control = TLB_FLUSH_ALL;
    trap_on(vcpu);
    vmcb->rflags &= ~RFLAGS_IF; /* no interrupt in between: it would see the page, too */
    return true;
}

void svm_step_cancel(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->nested_cr3 = (uint64_t)vcpu->vm->nested_root;
    vmcb->tlb_control = TLB_FLUSH_ALL;
    vmcb->rflags = (vmcb->rflags & ~(RFLAGS_TF | RFLAGS_IF)) | vcpu->step_saved_flags;
    trap_off(vcpu);
    vcpu->step_iret = false;
}

/* #DB while stepping; the guest's own single step, if it wanted one, is due now. */
void svm_step_end(struct vcpu *vcpu)
{
    bool guest_steps = (vcpu->step_saved_flags & RFLAGS_TF) != 0;
    if (vcpu->step_iret) {
        trap_off(vcpu); /* the flags are those that IRET has loaded */
        vcpu->step_iret = false;
    } else {
        svm_step_cancel(vcpu);
        if (vcpu->step_done != NULL)
            vcpu->step_done(vcpu);
    }
    vcpu->step_done = NULL;
    if (guest_steps) {
        vmcb_of(vcpu)->dr6 |= DR6_SINGLE;
        vcpu_fault(vcpu, VECTOR_DB);
    }
}

void svm_step_over(struct vcpu *vcpu, enum control_event event)
{
    vcpu->step_done = NULL;
    vcpu->step_over = (uint8_t)(event + 1);
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
