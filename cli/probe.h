/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion probe`: can this machine run Mullion, and what must be changed if not? */
#pragma once

#include "core/types.h"
#include "report.h"

struct probe_node {
    unsigned number;
    unsigned cores;
    uint64_t memory; /* bytes */
};

/* What the configuration is made from. */
struct probe_facts {
    unsigned cores;   /* 0 if not known; threads of a processor core count */
    unsigned threads; /* of a processor core, at least 1 */
    uint64_t memory;  /* bytes, 0 if not known */
    struct probe_node nodes[MAX_NODES];
    unsigned node_count; /* at least 1 */
};

#define PROBE_AS_ROOT "only root can see it: modprobe msr, then mullion probe"

/* Whether a module of KVM runs; INITSTATE is its file in /sys. */
bool probe_kvm_runs(const char *initstate);

/* Each looks at one side of the machine and adds its lines. */
void probe_cpu(struct report *report);
void probe_topology(struct report *report, struct probe_facts *facts);
void probe_firmware(struct report *report);
void probe_boot_loader(struct report *report);
void probe_devices(struct report *report);

/* The whole command; CONFIG_ONLY leaves out the report. Returns a STATUS_. */
int probe_run(bool config_only);
