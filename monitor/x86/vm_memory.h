/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of an ordinary VM that comes and goes while it runs: frames of the pool behind its
 * virtio-mem device. Requests of the service VM, but for the first four.
 */
#pragma once

#include "core/control.h"
#include "x86/vm.h"

/* By how much the VM of CONFIG may grow; 0: it has no such device. */
uint64_t vm_memory_growth(const struct config_vm *config);
/* What the monitor needs of its own memory for that. */
uint64_t vm_memory_need(const struct config_vm *config);
/* Put the device behind vm->ram; false: the monitor's memory is used up. */
bool vm_memory_init(struct vm *vm);
void vm_memory_free(struct vm *vm);

/* May VM have as much memory as WANTED says? If so, it gets the frames for it. */
bool vm_memory_reserve(struct control *control, struct vm *vm, const struct config_vm *wanted);
/* Ask VM's driver to have as much memory as its configuration says. */
void vm_memory_ask(struct vm *vm);
/* What VM does not need any more goes to the pool. */
void vm_memory_reap(struct vm *vm);
/* Bytes that VM has now, with what it began with. */
uint64_t vm_memory_now(const struct vm *vm);
/* Is a driver there that could change that? */
bool vm_memory_driven(const struct vm *vm);
