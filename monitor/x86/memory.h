/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own memory: one pool below 4 GiB, cut out of the RAM before it is given away. */
#pragma once

#include "core/machine.h"

/* Choose SIZE bytes (whole pages) of FREE's RAM for the pool: false if there are none. */
bool memory_choose_pool(const struct machine *free, uint64_t size, hpa_t *base);
/* PAGES zeroed 4 KiB pages that lie together; NULL if the pool is used up. Any core. */
void *memory_pages(unsigned pages);
/* Give back what memory_pages has given; NULL is nothing. Any core. */
void memory_free(void *memory, unsigned pages);
/* As memory_pages; for boot, where nothing works without: panics if the pool is used up. */
void *memory_pages_or_panic(unsigned pages);
/* SIZE bytes at BASE, whole pages that nobody has, belong to the pool from now on. */
void memory_extend(hpa_t base, uint64_t size);
/* Clear SIZE bytes of whole pages: memory that changes its owner. */
void memory_scrub(void *memory, uint64_t size);
/* Remove BASE..BASE+SIZE from the RAM to give away. False if the list is full. */
bool memory_cut(struct machine *m, hpa_t base, uint64_t size);
void memory_pool(hpa_t *base, uint64_t *size, uint64_t *used);
