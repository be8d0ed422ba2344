/* SPDX-License-Identifier: Apache-2.0 */
/* Cores that VMs give up and get while they run. All but vcpu_may_start: under control_lock. */
#pragma once

#include "core/control.h"
#include "x86/vm.h"

/* May the SIPI that has come start the vCPU? Its core. */
bool vcpu_may_start(struct vcpu *vcpu);
/* From now on its kernel cannot start it any more; false: it has not switched it off. */
bool core_claim(struct vcpu *vcpu);
/* The core, which is parked, is not its VM's any more, and nobody's until all is quiet: the VM's
 * cores are to be flushed. */
void core_detach(struct vcpu *vcpu);
/* The core, which is nobody's, is the vCPU's: its kernel may start it. */
void core_attach(struct vcpu *vcpu);

/*
 * A whole configuration's changes of cores: what each VM has to give up to be as WANTED is claimed,
 * what it is to get set aside in setup_plan, what was claimed kept from others; then, for all VMs,
 * it is done or forgotten. False, refused: forget it.
 */
bool cores_claim(struct control *control, struct vm *vm, const struct config_vm *wanted);
bool cores_set_aside(struct control *control, struct vm *vm, const struct config_vm *wanted);
void cores_keep(void);
void cores_forget(void);
/* Returns whether anything has changed, of which TEXT tells. */
bool cores_change(struct text *text, struct vm *vm, const struct config_vm *wanted);
