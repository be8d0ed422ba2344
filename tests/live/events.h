/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM's controls can watch, each done once by a function: for a guest without a system. */
#pragma once

#include "guest.h"

#define MSR_TSC_AUX 0xc0000103u

struct event {
    const char *name;
    void (*once)(void *number); /* const uint64_t: which time it is, from 1 on */
};

extern const struct event events[];
extern const unsigned event_count;

/* Noted by what was done: a value that is not what it must be; the last value of a port or MSR. */
extern uint64_t wrong, seen;
