/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as the firmware describes it: cores, memory, nodes. Filled by x86, read by all. */
#pragma once

#include "core/types.h"

#define MAX_RANGES 128u

struct machine_cpu {
    apic_id_t apic_id;
    uint32_t acpi_uid;
    uint32_t node;    /* index into machine.node_count nodes, 0 .. */
    uint32_t core_id; /* equal for SMT siblings */
};

/* RAM that the firmware calls usable, cut at node borders; sorted, page-aligned, not overlapping.
 */
struct machine_range {
    hpa_t base;
    uint64_t size; /* bytes */
    uint32_t node;
};

struct machine {
    struct machine_cpu cpus[MAX_CPUS]; /* cpus[0] is the core that booted (BSP) */
    unsigned cpu_count;
    struct machine_range ram[MAX_RANGES];
    unsigned ram_count;
    unsigned node_count;                    /* at least 1 */
    uint32_t node_domain[MAX_NODES];        /* ACPI proximity domain of each node */
    uint8_t distance[MAX_NODES][MAX_NODES]; /* SLIT; 10 on the diagonal, 20 where not known */
};
