/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SVM back end share. */
#pragma once

#include "x86/svm/vmcb.h"
#include "x86/vm.h"

static inline struct vmcb *vmcb_of(const struct vcpu *vcpu)
{
    return vcpu->control;
}

void svm_run(struct vcpu *vcpu); /* exits.c */
/* Behind an instruction of LENGTH bytes; prefixes are the guest's own loss on old processors. */
void svm_advance(struct vcpu *vcpu, unsigned length);
void svm_set_controls(struct vcpu *vcpu); /* controls.c */
/* The exit of an event that the controls watch; EXIT_OTHER: CODE is none. */
enum exit_reason svm_handle_control(struct vcpu *vcpu, uint64_t code);
enum exit_reason svm_handle_exception(struct vcpu *vcpu, unsigned vector);
/* The guest gets the exception that has left it. */
void svm_give_back(struct vcpu *vcpu, unsigned vector);
/* The guest executes the next instruction itself, which EVENT would report. */
void svm_step_over(struct vcpu *vcpu, enum control_event event); /* step.c */
bool svm_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page);
/* The #DB of the step: the reason to count. */
enum exit_reason svm_step_end(struct vcpu *vcpu);
void svm_step_cancel(struct vcpu *vcpu);
void svm_step_iret(struct vcpu *vcpu);
/* Events that are known only behind the guest's own step: bits of CR0 and CR4, INT n (look.c). */
bool svm_look_needed(const struct vcpu *vcpu, enum control_event event);
void svm_look_begin(struct vcpu *vcpu, enum control_event event);
enum exit_reason svm_look_register(struct vcpu *vcpu, enum control_event event);
/* At an exception while stepping: was it INT n? */
bool svm_look_is_interrupt(const struct vcpu *vcpu);
enum exit_reason svm_look_interrupt(struct vcpu *vcpu);
bool svm_vcpu_init(struct vcpu *vcpu);
void svm_vcpu_free(struct vcpu *vcpu);
void svm_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start);
