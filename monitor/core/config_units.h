/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, ranges and sizes as people write them. */
#pragma once

#include "core/types.h"

/* All return false if TEXT is not of that kind. A value beyond 64 bits becomes UINT64_MAX. */

/* "10", "0x1f". */
bool config_units_number(const char *text, size_t length, uint64_t *value);

/* "4" or "4-7"; FIRST may be greater than LAST. */
bool config_units_range(const char *text, size_t length, uint64_t *first, uint64_t *last);

/* "512M", "2g": a decimal number and one of K, M, G, T. */
bool config_units_size(const char *text, size_t length, uint64_t *bytes);
