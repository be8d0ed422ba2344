/* SPDX-License-Identifier: Apache-2.0 */
/* A vCPU's control block: what leaves the guest, and the state it begins in (AMD APM 2, 14.1). */
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/exit.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/svm/svm.h"

/* Segment attributes: access byte, then AVL, L, D/B, G. */
#define ATTR_CODE_REAL 0x09bu
#define ATTR_DATA_REAL 0x093u
#define ATTR_CODE_32   0xc9bu
#define ATTR_CODE_64   0xa9bu
#define ATTR_DATA_FLAT 0xc93u
#define ATTR_LDT       0x082u
#define ATTR_TSS       0x08bu
#define DR6_RESET      0xffff0ff0ull
#define DR7_RESET      0x400ull
#define LIMIT_REAL     0xffffu
#define LIMIT_FLAT     0xffffffffu
#define SELECTOR_CODE  0x10u /* what the Linux boot protocol calls __BOOT_CS and __BOOT_DS */
#define SELECTOR_DATA  0x18u

bool svm_vcpu_init(struct vcpu *vcpu)
{
    vcpu->control = memory_pages(1);
    return vcpu->control != NULL;
}

void svm_vcpu_free(struct vcpu *vcpu)
{
    memory_free(vcpu->control, 1);
    step_free(vcpu);
}

static void set_intercepts(struct vcpu *vcpu, struct vmcb *vmcb)
{
    vcpu->stepping = vcpu->step_iret = vcpu->step_looks = false;
    vcpu->step_over = 0;
    svm_set_controls(vcpu);
    vmcb->iopm = (uint64_t)vcpu->vm->port_map;
    vmcb->msrpm = (uint64_t)vcpu->vm->msr_map;
    vmcb->asid = 1; /* one guest a core */
    vmcb->tlb_control = TLB_FLUSH_ALL;
    vmcb->nested_control = NESTED_PAGING;
    vmcb->nested_cr3 = (uint64_t)vcpu->vm->nested_root;
}

static void set_segments(struct vmcb *vmcb, uint16_t code, uint16_t data, uint32_t limit)
{
    uint16_t selector = limit == LIMIT_FLAT ? SELECTOR_DATA : 0;
    struct vmcb_segment segment = {selector, data, limit, 0};
    vmcb->es = vmcb->ss = vmcb->ds = vmcb->fs = vmcb->gs = segment;
    vmcb->cs = (struct vmcb_segment){limit == LIMIT_FLAT ? SELECTOR_CODE : 0, code, limit, 0};
    vmcb->gdtr = vmcb->idtr = (struct vmcb_segment){0, 0, LIMIT_REAL, 0};
    vmcb->ldtr = (struct vmcb_segment){0, ATTR_LDT, LIMIT_REAL, 0};
    vmcb->tr = (struct vmcb_segment){0, ATTR_TSS, LIMIT_REAL, 0};
}

void svm_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    memset(vmcb, 0, sizeof(*vmcb));
    set_intercepts(vcpu, vmcb);
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = CR0_ET;
    vmcb->dr6 = DR6_RESET;
    vmcb->dr7 = DR7_RESET;
    vmcb->rflags = RFLAGS_FIXED;
    vmcb->pat = PAT_RESET;
    vmcb->rip = start->rip;
    switch (start->mode) {
    case VCPU_REAL:
        set_segments(vmcb, ATTR_CODE_REAL, ATTR_DATA_REAL, LIMIT_REAL);
        vmcb->cs.selector = (uint16_t)(start->rip >> 4);
        vmcb->cs.base = start->rip;
        vmcb->rip = 0;
        vmcb->cr0 = CR0_CD | CR0_NW | CR0_ET;
        break;
    case VCPU_PROTECTED:
        set_segments(vmcb, ATTR_CODE_32, ATTR_DATA_FLAT, LIMIT_FLAT);
        vmcb->cr0 = CR0_ET | CR0_PE;
        break;
    case VCPU_LONG:
        set_segments(vmcb, ATTR_CODE_64, ATTR_DATA_FLAT, LIMIT_FLAT);
        vmcb->cr0 = CR0_ET | CR0_PE | CR0_PG;
        vmcb->cr4 = CR4_PAE;
        vmcb->cr3 = start->cr3;
        vmcb->efer |= EFER_LME | EFER_LMA;
        break;
    }
    vcpu->rip = vmcb->rip; /* svm_run may be about to write it back */
    vcpu->in_nmi = false;
}
