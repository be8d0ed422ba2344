/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMs, cores and memory that come and go while the machine runs. All of it is asked for by requests
 * of the service VM, one at a time; nothing here waits for another core: what takes time is begun,
 * and lifecycle_reap finishes it at a later request.
 */
#pragma once

#include "core/control.h"
#include "x86/boot_info.h"

/* Remember the modules that VMs can be made of. Boot core, once. */
void lifecycle_init(struct boot_info *boot);
/* Finish what has become ready: destroyed VMs, cores and memory on their way to the pool. */
void lifecycle_reap(void);

/* For this: the cores and memory of the service VM. */
void lifecycle_reap_given(void);
/* .. and cores on their way from or to any VM. */
void lifecycle_reap_cores(void);
/* Are the modules of VM INDEX of the configuration there? As setup_check. */
void lifecycle_check(unsigned index);

/* The requests of the same names; lifecycle_create does `apply`, too. */
bool lifecycle_create(struct control *control);
/* `apply`, unless the configuration is not of that generation any more. */
bool lifecycle_apply_at(struct control *control);
bool lifecycle_destroy(struct control *control);
bool lifecycle_start(struct control *control);
bool lifecycle_kill(struct control *control);
bool lifecycle_give_cpu(struct control *control);
bool lifecycle_give_memory(struct control *control);
bool lifecycle_leave(struct control *control); /* `remain`, too */
bool lifecycle_take_cpu(struct control *control);
bool lifecycle_take_memory(struct control *control);
bool lifecycle_upload_begin(struct control *control);
bool lifecycle_upload(struct control *control);
void lifecycle_upload_abort(struct control *control);
bool lifecycle_forget(struct control *control);

/* The VM of that name, or NULL. */
struct vm *lifecycle_find_any(const char *name);
/* The VM that word 1 names; NULL, refused, if there is none, or it is the service VM. */
struct vm *lifecycle_find(struct control *control);
/* Modules in the order of upload; NULL behind the last. */
const struct boot_module *lifecycle_module(unsigned index, bool *uploaded);
