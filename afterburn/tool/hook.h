/* SPDX-License-Identifier: Apache-2.0 */
/* What a wedge knows of a guest by name. */
#pragma once

#include "image.h"
#include "mullion/afterburn.h"

/* Fills LIST, room for AFTERBURN_SYMBOLS, with what the guest has; returns how many. */
size_t hook_find(const struct image *image, struct afterburn_symbol *list);
