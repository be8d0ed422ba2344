/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a prepared guest, its initial RAM disk and its command line. */
#pragma once

#include <stdint.h>

#include "mullion/afterburn.h"

struct pack_request {
    const char *guest, *initrd, *cmdline, *output, *name;
    enum afterburn_entry entry_kind;
    uint64_t shift; /* the guest is loaded so far above the physical addresses in its file */
};

/* Writes it and prints what is in it; ends the command if something is wrong. */
void pack_write(const struct pack_request *request);
