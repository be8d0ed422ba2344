/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the placement share. Private to them. */
#pragma once

#include "core/place.h"

/*
 * The work on a plan. What is taken is read from the plan: the cores and extents of every VM in
 * it, also of the one that is being placed.
 */
struct place_work {
    const struct machine *machine;
    const struct config *config;
    struct place_plan *plan;
    uint32_t reserving; /* VMs whose listed cores are theirs already, bit by index */
    /* The VM that is being placed: */
    unsigned vm;
    const struct config_vm *wanted;
    struct placement *given;
    uint32_t home; /* the node that the others are to be near to, if it fits on no node */
};

/* Nodes, the nearest first. */
struct place_nodes {
    uint32_t list[MAX_NODES];
    unsigned count;
};

static inline bool place_is_on(uint32_t node, uint32_t wanted)
{
    return wanted == CONFIG_NODE_ANY || node == wanted;
}

/* Make VM the one that is being placed. */
void place_begin(struct place_work *work, unsigned vm);

/* Give the VM cores and memory; false, with the reason, if it finds no room. */
bool place_vm(struct place_work *work);

/* The placement fails: note why, and where that stands in the configuration. Returns false. */
__attribute__((format(printf, 3, 4))) bool
place_fail(struct place_work *work, struct config_position at, const char *format, ...);

/* " on node 1", or nothing for CONFIG_NODE_ANY. Returns BUFFER. */
const char *place_node_text(char *buffer, size_t size, uint32_t node);

/* How many cores of NODE, or CONFIG_NODE_ANY, the VM could have. */
unsigned place_cores_count(const struct place_work *work, uint32_t node);

/*
 * Give the VM the cores that it lists, or as many as it wants, from NODES in their order; false,
 * with the reason, if there are too few. The service VM gets core 0 first if it is free there.
 */
bool place_cores(struct place_work *work, const struct place_nodes *nodes);

/*
 * Give the VM its memory from NODES in their order, the service VM the low megabyte, then the
 * lowest addresses; false, with the reason, if there is too little.
 */
bool place_memory(struct place_work *work, const struct place_nodes *nodes);
