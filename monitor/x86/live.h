/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration applied: VMs come and go, and those that stay have other controls. */
#pragma once

#include "core/config.h"
#include "core/control.h"
#include "x86/vm.h"

/* How often the machine's configuration has been changed. */
extern unsigned live_generation;

/*
 * May the machine become what PARSED says, as far as its VMs stay? BUFFER of LENGTH bytes is for
 * comparing. False, refused, if one differs in more than can change, or cannot have that; then
 * cores_forget.
 */
bool live_check(struct control *control, struct config *parsed, char *buffer, size_t length);
/* The memory that VMs that stay get more by PARSED is kept for them; false, refused: there is none.
 */
bool live_reserve(struct control *control, const struct config *parsed);
/* Can this processor do what WANTED's controls ask? False: refused. */
bool live_check_processor(struct control *control, const struct config_vm *wanted);
/* Do it: other controls for the VMs that stay, the end for those that PARSED has not. */
void live_apply(struct control *control, const struct config *parsed);

/* All cores of VM take WANTED up before long (controls_change.c). */
void live_change_controls(struct vm *vm, const struct controls *wanted);
/* The processor refuses change NUMBER of the controls on VCPU's core, which calls. True: all cores
 * of the VM go back to the ones before, and this one has; false: there are none, or those it were.
 */
bool live_take_back(struct vcpu *vcpu, unsigned number, const char *why);
/* Was it so with its last change? */
static inline bool live_was_refused(const struct vm *vm)
{
    unsigned refused = atomic_load(&vm->controls_refused);
    return refused != 0 && refused + 1 == atomic_load(&vm->controls_number);
}

/* The requests of the same names. */
bool live_settle(struct control *control);
bool live_trace(struct control *control);
bool live_audit(struct control *control); /* audit.c */
bool live_resume(struct control *control);
