/* SPDX-License-Identifier: Apache-2.0 */
/* Which sites must stay as they are, and why. */
#pragma once

#include "sites.h"

/* The room reserved in the guest; size 0: there is none. */
struct area {
    uint64_t address, size;
};

struct area area_text(const struct image *image);
struct area area_data(const struct image *image);

/* Sets each site's flags and reason. */
void exclude(const struct image *image, struct sites *sites);
