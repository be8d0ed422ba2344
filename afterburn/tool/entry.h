/* SPDX-License-Identifier: Apache-2.0 */
/* Where a guest is entered. */
#pragma once

#include "image.h"

/* The physical address of its PVH entry, from its ELF note, or the end of the command. */
uint64_t entry_pvh(const struct image *image);
/* The same, but false if it has none. */
bool entry_find_pvh(const struct image *image, uint64_t *physical);
