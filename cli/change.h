/* SPDX-License-Identifier: Apache-2.0 */
/* One change of what VMs there are: the pool is filled, modules uploaded, the monitor asked. */
#pragma once

#include "core/config.h"

#include "control.h"
#include "give.h"

/* What is to be done. */
struct change {
    const char *request; /* `create`, `apply` or `apply GENERATION` */
    const char *path;    /* where the text is from, for messages and to find files beside it */
    const char *text;
    size_t length;
    struct need need; /* of change_plan */
    /* Prints why the monitor refuses; NULL: as control_complain does, with PATH. */
    void (*complain)(const struct answer *answer);
};

/* What was done: lines printed, and how many of them are about a setting of a VM that is there. */
struct outcome {
    unsigned lines, settings;
};

/* Add what the new VM needs, and find its files. Returns a STATUS_. */
int change_plan(struct change *change, const struct config_vm *vm);
/* Do it, and print what was done; if it fails everything goes back. Returns a STATUS_. */
int change_carry_out(struct change *change, struct outcome *outcome);
