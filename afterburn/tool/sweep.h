/* SPDX-License-Identifier: Apache-2.0 */
/* All instructions of a file's executable sections, found by its symbols; the records are not read.
 */
#pragma once

#include "decode.h"

struct found {
    uint64_t address;
    const struct section *section;
    uint8_t kind;
};

struct sweep {
    struct found *list; /* sensitive instructions, by section, then address */
    size_t count, room;
    uint64_t instructions, unknown_bytes;
};

void sweep_run(const struct image *image, struct sweep *sweep);
