/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's configuration as it is now, and its number: it grows with each change. */
#pragma once

#include <stdint.h>

#include "core/config.h"

struct snapshot {
    uint64_t generation;
    char *text;
};

/* Ask the monitor. Returns a STATUS_; after STATUS_OK snapshot_free is due. */
int snapshot_take(struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);
int snapshot_parse(const struct snapshot *snapshot, struct config *config);
/* Only the number. Returns a STATUS_. */
int snapshot_ask_generation(uint64_t *generation);

/* Say that the machine is not at BASE any more but at NOW, and which lines are different. */
void snapshot_explain(const struct snapshot *base, const struct snapshot *now);
