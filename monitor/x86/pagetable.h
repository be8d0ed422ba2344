/* SPDX-License-Identifier: Apache-2.0 */
/* Four-level page tables in the processor's own format: ours, and SVM's nested ones. */
#pragma once

#include "core/types.h"

/*
 * Map SIZE bytes at ADDRESS to TARGET with FLAGS (PTE_*), in the largest pages that fit and are not
 * above LARGEST (PAGE_SIZE, LARGE_PAGE or HUGE_PAGE). All are multiples of 4 KiB. What was mapped
 * there is replaced; a larger page in the way is split. False if the pool is used up.
 */
bool pagetable_map(uint64_t *root, uint64_t address, uint64_t target, uint64_t size, uint64_t flags,
                   uint64_t largest);
/* Unmap SIZE bytes; larger pages in the way are split. False if the pool is used up. */
bool pagetable_unmap(uint64_t *root, uint64_t address, uint64_t size);
/* Give all tables back, ROOT included; what they map is not touched. */
void pagetable_free(uint64_t *root);
/* The entry that maps ADDRESS, and the size of its page; 0 if none. */
uint64_t pagetable_lookup(const uint64_t *root, uint64_t address, uint64_t *page_size);

/*
 * OVERLAY becomes a copy of ROOT's top in which the 4 KiB page at ADDRESS alone is TARGET with
 * FLAGS: the path to it is copied into TABLES (3 pages), everything else is shared with ROOT.
 */
void pagetable_overlay(uint64_t *overlay, uint64_t *const tables[3], const uint64_t *root,
                       uint64_t address, uint64_t target, uint64_t flags);
