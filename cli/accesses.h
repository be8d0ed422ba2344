/* SPDX-License-Identifier: Apache-2.0 */
/* Ports and MSRs that a VM has used, as the monitor's records tell them, put together to lines. */
#pragma once

#include "record.h"

struct access {
    bool msr;
    uint64_t first, last;
    const char *direction; /* "read", "write", or "" for both */
    const char *policy;    /* of the line; "none": no line can be about it */
    uint64_t count;
};

struct accesses {
    struct access *list;
    size_t count;
};

/* Take the records `access` in; false if they are none, or memory is short. */
bool accesses_read(struct accesses *accesses, const struct records *records);
/* Neighbours of which the same is to be said become one; ports before MSRs, in their order. */
void accesses_join(struct accesses *accesses);
/* `port 0x20-0x21 deny`, without the policy if it is none. */
void access_write(const struct access *access, char *text, size_t size);
void accesses_free(struct accesses *accesses);
