/* SPDX-License-Identifier: Apache-2.0 */
/* Four-level page tables (AMD APM 2, 5.3 and 15.25.5). Physical addresses are our virtual ones. */
#include "x86/pagetable.h"

#include "lib/string.h"
#include "x86/memory.h"
#include "x86/msr.h"

#define TABLE_ENTRIES 512u
/* Tables allow everything; the leaves decide. */
#define TABLE_FLAGS   (PTE_PRESENT | PTE_WRITE | PTE_USER)

/* Level 3 is the root; a leaf of level L covers 1 << level_shift(L) bytes. */
static unsigned level_shift(unsigned level)
{
    return 12 + 9 * level;
}

static unsigned level_index(uint64_t address, unsigned level)
{
    return (unsigned)(address >> level_shift(level)) % TABLE_ENTRIES;
}

static uint64_t *entry_table(uint64_t entry)
{
    return (uint64_t *)(entry & PTE_ADDRESS);
}

static bool entry_is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & PTE_LARGE) != 0;
}

/* Fill TABLE with what ENTRY, a large page of LEVEL, maps, one level finer. */
static void table_split(uint64_t *table, uint64_t entry, unsigned level)
{
    uint64_t flags = entry & ~PTE_ADDRESS;
    uint64_t target = entry & PTE_ADDRESS;
    if (level == 1)
        flags &= ~PTE_LARGE;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        table[i] = (target + ((uint64_t)i << level_shift(level - 1))) | flags;
}

/* The table below *ENTRY of LEVEL, made or split off if need be; NULL if there is no memory. */
static uint64_t *table_below(uint64_t *entry, unsigned level)
{
    if ((*entry & PTE_PRESENT) != 0 && !entry_is_leaf(*entry, level))
        return entry_table(*entry);
    uint64_t *table = memory_pages(1);
    if (table == NULL)
        return NULL;
    if ((*entry & PTE_PRESENT) != 0)
        table_split(table, *entry, level);
    *entry = (uint64_t)table | TABLE_FLAGS;
    return table;
}

static uint64_t *walk_make(uint64_t *root, uint64_t address, unsigned leaf_level)
{
    uint64_t *table = root;
    for (unsigned level = 3; level > leaf_level; level--) {
        table = table_below(&table[level_index(address, level)], level);
        if (table == NULL)
            return NULL;
    }
    return &table[level_index(address, leaf_level)];
}

static unsigned fitting_level(uint64_t address, uint64_t target, uint64_t size, uint64_t largest)
{
    for (unsigned level = 2; level > 0; level--) {
        uint64_t page = 1ull << level_shift(level);
        if (page <= largest && size >= page && ((address | target) & (page - 1)) == 0)
            return level;
    }
    return 0;
}

bool pagetable_map(uint64_t *root, uint64_t address, uint64_t target, uint64_t size, uint64_t flags,
                   uint64_t largest)
{
    while (size > 0) {
        unsigned level = fitting_level(address, target, size, largest);
        uint64_t *entry = walk_make(root, address, level);
        if (entry == NULL)
            return false;
        *entry = target | flags | (level > 0 ? PTE_LARGE : 0);
        uint64_t page = 1ull << level_shift(level);
        address += page;
        target += page;
        size -= page;
    }
    return true;
}

bool pagetable_unmap(uint64_t *root, uint64_t address, uint64_t size)
{
    while (size > 0) {
        unsigned level = fitting_level(address, address, size, HUGE_PAGE);
        uint64_t *entry = walk_make(root, address, level);
        if (entry == NULL)
            return false;
        *entry = 0;
        address += 1ull << level_shift(level);
        size -= 1ull << level_shift(level);
    }
    return true;
}

static void table_free(uint64_t *table, unsigned level)
{
    for (unsigned i = 0; i < TABLE_ENTRIES && level > 0; i++)
        if ((table[i] & PTE_PRESENT) != 0 && !entry_is_leaf(table[i], level))
            table_free(entry_table(table[i]), level - 1);
    memory_free(table, 1);
}

void pagetable_free(uint64_t *root)
{
    table_free(root, 3);
}

uint64_t pagetable_lookup(const uint64_t *root, uint64_t address, uint64_t *page_size)
{
    const uint64_t *table = root;
    for (unsigned level = 3;; level--) {
        uint64_t entry = table[level_index(address, level)];
        if ((entry & PTE_PRESENT) == 0)
            return 0;
        if (entry_is_leaf(entry, level)) {
            *page_size = 1ull << level_shift(level);
            return entry;
        }
        table = entry_table(entry);
    }
}

void pagetable_overlay(uint64_t *overlay, uint64_t *const tables[3], const uint64_t *root,
                       uint64_t address, uint64_t target, uint64_t flags)
{
    uint64_t *to = overlay;
    memcpy(to, root, PAGE_SIZE);
    for (unsigned level = 3; level > 0; level--) {
        uint64_t *entry = &to[level_index(address, level)];
        uint64_t *copy = tables[level - 1];
        if ((*entry & PTE_PRESENT) == 0)
            memset(copy, 0, PAGE_SIZE);
        else if (entry_is_leaf(*entry, level))
            table_split(copy, *entry, level);
        else
            memcpy(copy, entry_table(*entry), PAGE_SIZE);
        *entry = (uint64_t)copy | TABLE_FLAGS;
        to = copy;
    }
    to[level_index(address, 0)] = target | flags;
}
