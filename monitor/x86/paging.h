/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own page tables: identity map, W^X, guard pages. */
#pragma once

#include "core/machine.h"

/* Build the tables: RAM and everything below 4 GiB writable, only our text executable. Once. */
void paging_init(const struct machine *m);
/* Make a page of the pool a guard page: any touch of it faults. */
bool paging_guard(const void *page);
/* Switch this core to the tables. */
void paging_load(void);
