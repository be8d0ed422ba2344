/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SVM back end share. */
#pragma once

#include "x86/svm/vmcb.h"
#include "x86/vm.h"

static inline struct vmcb *vmcb_of(const struct vcpu *vcpu)
{
    return vcpu->control;
}

void svm_run(struct vcpu *vcpu);                               /* exits.c */
bool svm_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page); /* step.c */
void svm_step_end(struct vcpu *vcpu);
void svm_step_cancel(struct vcpu *vcpu);
void svm_step_iret(struct vcpu *vcpu);
bool svm_vcpu_init(struct vcpu *vcpu);
void svm_vcpu_free(struct vcpu *vcpu);
#define STEP_TABLES 4u /* pages of vcpu.step_tables */ /* vcpu.c */
void svm_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start);
