/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: which cores and which memory each VM of the configuration gets. */
#pragma once

#include "core/config.h"
#include "core/machine.h"

#define PLACE_EXTENTS_MAX 32u

/* A piece of a VM's memory. */
struct place_extent {
    hpa_t hpa;
    gpa_t gpa;
    uint64_t size; /* bytes */
    uint32_t node;
};

struct placement {
    bool placed;
    char reason[CONFIG_MESSAGE_MAX]; /* why not, and what to change */
    struct config_position at;       /* where in the configuration the reason lies */
    struct cpu_set cpus;             /* empty, as the extents, if not placed */
    cpu_id_t boot_cpu;
    /* Cores that its kernel was told of at its last start: those it had then, and others. */
    struct cpu_set told, may;
    struct place_extent extents[PLACE_EXTENTS_MAX]; /* sorted by gpa */
    unsigned extent_count;
    uint32_t node; /* the node of the boot core */
    bool spans;    /* cores or memory of more than one node */
};

struct place_plan {
    struct placement vms[MAX_VMS];  /* as in struct config */
    struct placement more[MAX_VMS]; /* memory that these got since they were made; gpa == hpa */
    /* No VM's to have: modules, what the monitor took since, what is on its way. */
    struct placement kept;
};

/*
 * Guest-physical layout of a VM that isn't the service VM: RAM from 0 up to PLACE_LOW_RAM_MAX,
 * then, after a hole for devices, on from 4 GiB. The service VM has gpa == hpa.
 */
#define PLACE_LOW_RAM_MAX (3 * GIB)

/* A machine's memory as VMs other than the service VM can have it: 2 MiB pages above 1 MiB. */
struct place_memory {
    uint64_t total;   /* bytes, with what the VMs of the plan have */
    uint64_t free;    /* bytes that no VM of the plan has */
    uint64_t largest; /* bytes of the largest free piece */
};

/*
 * Place the VMs of CONFIG on MACHINE; RAM in machine->ram is what may be given away (the monitor's
 * own memory has been cut out before). Returns the number of VMs placed. A VM that cannot be
 * placed has its reason; the others are placed as if it did not exist. Where not all find room,
 * those that stand earlier in the file do, the service VM before all. No core, no page, and without
 * `allow-smt-sharing` no two siblings of one core, go to different VMs.
 */
unsigned place_vms(const struct machine *machine, const struct config *config,
                   struct place_plan *plan);

/* The same for VM INDEX alone, beside those that are placed already; false: it has its reason. */
bool place_add(const struct machine *machine, const struct config *config, struct place_plan *plan,
               unsigned index);
/* One core more for VM INDEX, of AMONG unless that is NULL, near to its others; false: none is
 * free.
 */
bool place_core(const struct machine *machine, const struct config *config, struct place_plan *plan,
                unsigned index, const struct cpu_set *among, cpu_id_t *core);
/* What the VM's kernel is told of at a start: its cores, and others that it may get, MOST in all.
 */
void place_tell(const struct machine *machine, const struct config *config, struct place_plan *plan,
                unsigned index, unsigned most);
/* The number that CORE has for stock Linux in the VM: it counts in the order in which it was told.
 */
unsigned place_number(const struct placement *placement, cpu_id_t core);
/* SIZE bytes (a multiple of 2 MiB) that no VM has, in one piece below 4 GiB or above; false: none.
 */
bool place_find(const struct machine *machine, const struct place_plan *plan, uint64_t size,
                hpa_t *base);
/*
 * Up to SIZE bytes (a multiple of 2 MiB) more for VM INDEX, on NODE, or for CONFIG_NODE_ANY near
 * its cores, in one piece, which is its own when this returns; false: there is none, or no room to
 * note it.
 */
bool place_more(const struct machine *machine, struct place_plan *plan, unsigned index,
                uint32_t node, uint64_t size, struct place_extent *extent);
/* Is the RAM of EXTENT no VM's? If so, its node is set. */
bool place_is_free(const struct machine *machine, const struct place_plan *plan,
                   struct place_extent *extent);
/*
 * Take SIZE bytes of memory, which all must be in PLACEMENT, out of it, or add them with gpa ==
 * hpa; false, and nothing is changed, if they are not, or if there would be too many extents.
 */
bool place_memory_cut(struct placement *placement, hpa_t base, uint64_t size);
bool place_memory_put(struct placement *placement, const struct place_extent *extent);
/* Extents that touch become one. */
void place_memory_join(struct placement *placement);

/* Count the memory of NODE, or of all nodes for CONFIG_NODE_ANY. */
struct place_memory place_memory_count(const struct machine *machine, const struct place_plan *plan,
                                       uint32_t node);
