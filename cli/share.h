/* SPDX-License-Identifier: Apache-2.0 */
/* How a machine could be divided: a proposal for its mullion.conf. */
#pragma once

#include "probe.h"

struct share {
    unsigned cores;
    uint64_t memory; /* bytes, a multiple of 2 MiB */
};

struct share_plan {
    struct share service;
    struct share vms[MAX_VMS - 1];
    unsigned vm_count; /* may be 0 */
    bool smt_sharing;  /* the VMs must share a core's threads: there is one core only */
};

/* Divide the machine of FACTS, of which the boot modules take MODULES bytes. */
struct share_plan share_divide(const struct probe_facts *facts, uint64_t modules);
