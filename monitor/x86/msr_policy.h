/* SPDX-License-Identifier: Apache-2.0 */
/* Which MSRs a VM may touch: what never leaves it, what it is shown, what its lines open or close.
 */
#pragma once

#include "x86/vm.h"

/* Why RULE cannot hold, in words for the user; NULL: it can. */
const char *msr_rule_refused(const struct control_rule *rule);
/* Is ACCESS to MSR to be logged as an event? */
bool msr_logged(const struct vm *vm, uint32_t msr, enum control_access access);
/* Do the VM's lines name ACCESS to MSR? */
bool msr_listed(const struct vm *vm, uint32_t msr, enum control_access access);
/* Nothing lists ACCESS to MSR, but the VM is audited and it is harmless: read, or ignored. */
bool msr_audited(const struct vm *vm, uint32_t msr, enum control_access access);
/* The user's `msr` lines may open or close MSR: it does not reach beyond the VM. */
bool msr_configurable(uint32_t msr);
/* Is MSR in ticks that the VM's time stamp offset shifts? It leaves the guest then. */
bool msr_shifts(const struct vm *vm, uint32_t msr);
/* After an exit: may VM read MSR's real value? */
bool msr_readable(const struct vm *vm, uint32_t msr);
/* After an exit: write MSR if the user's lines allow it, ignore the write if it is only read. */
bool msr_write_listed(const struct vm *vm, uint32_t msr, uint64_t value);
