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
};

/* Nodes, the nearest first. */
struct place_nodes {
    uint32_t list[MAX_NODES];
    unsigned count;
};

/* Give VM cores and memory; false, with the reason, if it finds no room. */
bool place_vm(struct place_work *work, unsigned vm);

/* The placement fails: note why, and where that stands in the configuration. Returns false. */
__attribute__((format(printf, 4, 5))) bool place_fail(struct place_work *work, unsigned vm,
                                                      struct config_position at, const char *format,
                                                      ...);

/* How many cores of NODE, or CONFIG_NODE_ANY, VM could have. */
unsigned place_cores_count(const struct place_work *work, unsigned vm, uint32_t node);

/* Give VM the cores that it lists; false, with the reason, if one isn't there or taken. */
bool place_cores_listed(struct place_work *work, unsigned vm);

/*
 * Give VM as many cores as it wants, from NODES in their order; false if there are too few. The
 * service VM gets core 0 first if that is of these nodes and free.
 */
bool place_cores_any(struct place_work *work, unsigned vm, const struct place_nodes *nodes);

/* Give VM its memory from NODES in their order; false, with nothing given, if there is too little.
 */
bool place_memory_any(struct place_work *work, unsigned vm, const struct place_nodes *nodes);

/*
 * Give the service VM the low megabyte, then the lowest addresses, of NODE or CONFIG_NODE_ANY;
 * false, with nothing given, if there is too little.
 */
bool place_memory_service(struct place_work *work, unsigned vm, uint32_t node);
