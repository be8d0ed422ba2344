/* SPDX-License-Identifier: Apache-2.0 */
/* Boot modules, kernels and initial RAM disks, that go to the monitor. */
#pragma once

#include "core/config.h"

#include "command.h"

/*
 * Find the files of the modules that VM names and the monitor, which has those in KNOWN, has not:
 * beside the file CONFIG, in /var/lib/mullion, in /boot. Returns a STATUS_.
 */
struct records;
int module_find(const struct config_vm *vm, const char *config, const struct records *known);

/* Upload what was found; *REFUSED if the monitor did not take one. Returns a STATUS_. */
int module_upload_found(bool *refused);
/* How many bytes of the pool those take that are not uploaded yet: pages of 2 MiB, and one byte
 * more. */
uint64_t module_found_size(void);
/* Drop those that were uploaded. */
void module_undo(void);

/* `mullion upload` and `mullion forget` */
int module_upload(char **args, const struct options *options);
int module_forget(char **args, const struct options *options);
