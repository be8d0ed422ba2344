/* SPDX-License-Identifier: Apache-2.0 */
/* From the service VM to the pool: what Linux releases, the monitor checks and takes. */
#pragma once

#include "core/config.h"

#include "pieces.h"

#define ANY_NODE MAX_NODES

/* One look at the machine. */
struct view {
    struct records machine;
    struct pieces pieces;
    char service[CONFIG_NAME_MAX]; /* the service VM's name */
    struct cpu_set tried;          /* cores that were asked for since */
};

/*
 * Ask until the monitor agrees, for a little while: a core or memory that was let go may still be
 * on its way. Returns a STATUS_; a refusal has been printed.
 */
__attribute__((format(printf, 1, 2))) int take_ask(const char *format, ...);

/* Each takes from Linux; what it keeps is reported. Returns a STATUS_: _ERRORS if not all went. */
int take_listed(struct view *view, cpu_id_t core);
int take_cores(struct view *view, unsigned node, unsigned shortage);
int take_memory(struct view *view, unsigned node, uint64_t shortage);

/* To be called for what has been taken: a core, or a block of memory. */
bool given_add(bool is_cpu, uint32_t number);
