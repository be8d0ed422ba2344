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
 * comparing. False, refused, if one differs in more than its controls, or cannot have those.
 */
bool live_check(struct control *control, struct config *parsed, char *buffer, size_t length);
/* Can this processor do what WANTED's controls ask? False: refused. */
bool live_check_processor(struct control *control, const struct config_vm *wanted);
/* Do it: other controls for the VMs that stay, the end for those that PARSED has not. */
void live_apply(struct control *control, const struct config *parsed);

/* The requests of the same names. */
bool live_settle(struct control *control);
bool live_trace(struct control *control);
bool live_resume(struct control *control);
