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
/* What the machine is divided into, now; after boot it is lifecycle.c's to change. */
extern struct config setup_config;
extern struct place_plan setup_plan;
/* Who is told what is wrong with a VM; the log, unless it is set. */
extern void (*setup_complain)(const struct config_position *at, const char *text);
/* VM INDEX of the configuration has its placement: make it. False, after a complaint: it can't be.
 */
bool setup_vm(unsigned index);
/* Are kernel and modules there, and good? Else a complaint, and the VM is spoilt. */
void setup_check(const struct boot_info *boot, unsigned index);
/* Place and make the VMs; those that cannot be are skipped with their reason. Their number. */
unsigned setup_vms(const struct boot_info *boot, const struct machine *m);
/* The core that is told of keys on the log port. */
const struct pcpu *setup_log_cpu(void);
/* Let each VM's boot core build and start it. */
void setup_start_all(void);
