/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration text to VMs that start. All on the boot core, once, in this order. */
#pragma once

#include "x86/boot_info.h"
#include "x86/vm.h"

struct pcpu;

/* Parse mullion.conf; each error is logged with its place. */
void setup_configuration(const struct boot_info *boot);
/* Cut the monitor and its pool out of the RAM, move the modules into the pool. */
void setup_memory(struct boot_info *boot, struct machine *m);
const struct config *setup_config(void);
/* Place and make the VMs; those that cannot be are skipped with their reason. Their number. */
unsigned setup_vms(const struct boot_info *boot, const struct machine *m);
/* The core that is told of keys on the log port. */
const struct pcpu *setup_log_cpu(void);
/* Let each VM's boot core build and start it. */
void setup_start_all(void);
