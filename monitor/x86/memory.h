/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own memory: one pool below 4 GiB, cut out of the RAM before it is given away. */
#pragma once

#include "core/machine.h"

/* Choose SIZE bytes (whole pages) of FREE's RAM for the pool: false if there are none. */
bool memory_choose_pool(const struct machine *free, uint64_t size, hpa_t *base);
/* PAGES zeroed 4 KiB pages, never given back; NULL if the pool is used up. Any core. */
void *memory_pages(unsigned pages);
/* As above; for boot, where nothing works without: panics if the pool is used up. */
void *memory_pages_or_panic(unsigned pages);
/* Clear SIZE bytes of whole pages: memory that changes its owner. */
void memory_scrub(void *memory, uint64_t size);
/* Remove BASE..BASE+SIZE from the RAM to give away. False if the list is full. */
bool memory_cut(struct machine *m, hpa_t base, uint64_t size);
void memory_pool(hpa_t *base, uint64_t *size, uint64_t *used);
