/* SPDX-License-Identifier: Apache-2.0 */
/* Cores and memory that go from the service VM to the monitor's pool, and back. */
#pragma once

#include "core/config.h"

#include "status.h"

/* What new VMs need of each node; behind the last one what may come from any. */
struct need {
    unsigned cores[MAX_NODES + 1];
    uint64_t memory[MAX_NODES + 1]; /* bytes */
    struct cpu_set listed;          /* just these cores, besides */
    uint64_t kept;                  /* of a pool: what it has, but not for VMs */
};

void need_add(struct need *need, const struct config_vm *vm);

/* What a VM that grows while it runs needs. */
void need_more(struct need *need, const struct config_vm *now, const struct config_vm *wanted);

/*
 * Bring the pool to what NEED says: what is short is taken off line here, and given. Returns a
 * STATUS_; if it is not OK, what has been taken so far waits for give_undo.
 */
int give_fill(const struct need *need);

/* Take what this run has given back, and on line again. Returns a STATUS_. */
int give_undo(void);

/* Take back all of the pool that lies in this Linux's blocks and cores that are off line. */
int give_back(void);
