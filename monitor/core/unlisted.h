/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports and MSRs that a VM has used though neither the built-in policy nor a line names them. The
 * ring of events loses the oldest; this keeps which ones there were, and how often.
 */
#pragma once

#include "core/events.h"

#define UNLISTED_KEPT 256u

struct unlisted_use {
    uint64_t count;
    uint32_t number; /* of the port or MSR */
    uint8_t kind;    /* EVENT_UNLISTED_PORT_READ and on */
    uint8_t size;    /* how many ports in one access; 1 for an MSR */
    bool allowed;    /* at least once: read, or the write ignored */
};

/* The first so many different ones since the VM's start, or since its `unlisted` was changed. */
struct unlisted {
    struct lock lock;
    unsigned kept;
    uint64_t lost; /* accesses that found no room */
    struct unlisted_use list[UNLISTED_KEPT];
};

/* Count anew. Any core. */
void unlisted_clear(struct unlisted *unlisted);
/* USE has happened once more; its count is not looked at. Any core. */
void unlisted_note(struct unlisted *unlisted, const struct unlisted_use *use);
/* A copy of number INDEX; false: there are no more. Any core. */
bool unlisted_get(struct unlisted *unlisted, unsigned index, struct unlisted_use *use);
