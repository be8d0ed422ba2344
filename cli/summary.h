/* SPDX-License-Identifier: Apache-2.0 */
/* Events counted, by what they are and by where they came from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void summary_add(const char *what, const char *rip);
void summary_add_lost(uint64_t count);

/* Print tables, or an object. Returns a STATUS_. */
int summary_print(bool json);
