/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own memory. */
#include "x86/memory.h"

#include "core/lock.h"
#include "core/log.h"
#include "lib/string.h"
#include "x86/trap.h"

static struct lock pool_lock = LOCK_INIT;
static uint64_t pool_base;
static uint64_t pool_next;
static uint64_t pool_end;
static uint64_t pool_more; /* bytes added since */
static uint64_t pool_used;

/* Pages that were given back; kept in the first of them. */
struct free_run {
    struct free_run *next;
    uint64_t pages;
};
static struct free_run *free_runs;

bool memory_choose_pool(const struct machine *free, uint64_t size, hpa_t *base)
{
    for (unsigned i = free->ram_count; i-- > 0;) {
        const struct machine_range *r = &free->ram[i];
        uint64_t end = r->base.v + r->size < 4 * GIB ? r->base.v + r->size : 4 * GIB;
        if (end < size || end - size < r->base.v || end - size < MIB)
            continue;
        pool_base = pool_next = end - size;
        pool_end = end;
        base->v = pool_base;
        return true;
    }
    return false;
}

/* Take PAGES from the first run of free pages that has so many; 0 if none has. The lock is held. */
static uint64_t take_free(unsigned pages)
{
    for (struct free_run **at = &free_runs; *at != NULL; at = &(*at)->next) {
        struct free_run *run = *at;
        if (run->pages < pages)
            continue;
        run->pages -= pages;
        if (run->pages == 0)
            *at = run->next;
        return (uint64_t)run + run->pages * PAGE_SIZE;
    }
    return 0;
}

void *memory_pages(unsigned pages)
{
    uint64_t size = pages * PAGE_SIZE;
    lock_take(&pool_lock);
    uint64_t at = take_free(pages);
    if (at == 0 && pool_end - pool_next >= size) {
        at = pool_next;
        pool_next += size;
    }
    if (at != 0)
        pool_used += size;
    lock_release(&pool_lock);
    return at != 0 ? memset((void *)at, 0, size) : NULL;
}

/* The runs are sorted; those that touch become one. The lock is held. */
static void add_free(struct free_run *run, uint64_t pages)
{
    struct free_run **at = &free_runs;
    struct free_run *before = NULL;
    for (; *at != NULL && *at < run; at = &(*at)->next)
        before = *at;
    run->pages = pages;
    run->next = *at;
    *at = run;
    if ((uint64_t)run->next == (uint64_t)run + run->pages * PAGE_SIZE) {
        run->pages += run->next->pages;
        run->next = run->next->next;
    }
    if (before != NULL && (uint64_t)run == (uint64_t)before + before->pages * PAGE_SIZE) {
        before->pages += run->pages;
        before->next = run->next;
    }
}

void memory_free(void *memory, unsigned pages)
{
    if (memory == NULL)
        return;
    lock_take(&pool_lock);
    add_free(memory, pages);
    pool_used -= pages * PAGE_SIZE;
    lock_release(&pool_lock);
}

void memory_extend(hpa_t base, uint64_t size)
{
    lock_take(&pool_lock);
    add_free((struct free_run *)base.v, size / PAGE_SIZE);
    pool_more += size;
    lock_release(&pool_lock);
}

void *memory_pages_or_panic(unsigned pages)
{
    void *memory = memory_pages(pages);
    if (memory == NULL)
        panic("the monitor's pool of %lu KiB is used up", (pool_end - pool_base) / KIB);
    return memory;
}

static bool page_is_clear(const uint64_t *page)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*page) && any == 0; i += 8)
        any = page[i] | page[i + 1] | page[i + 2] | page[i + 3] | page[i + 4] | page[i + 5] |
              page[i + 6] | page[i + 7];
    return any == 0;
}

void memory_scrub(void *memory, uint64_t size)
{
    for (uint8_t *at = memory; size > 0; at += PAGE_SIZE, size -= PAGE_SIZE)
        if (!page_is_clear((const uint64_t *)at)) /* fresh memory stays untouched: faster */
            memset(at, 0, PAGE_SIZE);
}

static void range_remove(struct machine *m, unsigned index)
{
    m->ram_count--;
    memmove(&m->ram[index], &m->ram[index + 1], (m->ram_count - index) * sizeof(m->ram[0]));
}

static bool range_split(struct machine *m, unsigned index, uint64_t from, uint64_t to)
{
    struct machine_range *r = &m->ram[index];
    uint64_t end = r->base.v + r->size;
    if (m->ram_count == MAX_RANGES)
        return false;
    memmove(r + 1, r, (m->ram_count - index) * sizeof(*r));
    m->ram_count++;
    r[0].size = from - r[0].base.v;
    r[1].base.v = to;
    r[1].size = end - to;
    return true;
}

bool memory_cut(struct machine *m, hpa_t base, uint64_t size)
{
    uint64_t from = align_down(base.v, PAGE_SIZE);
    uint64_t to = align_up(base.v + size, PAGE_SIZE);
    for (unsigned i = 0; i < m->ram_count; i++) {
        struct machine_range *r = &m->ram[i];
        uint64_t end = r->base.v + r->size;
        if (to <= r->base.v || from >= end)
            continue;
        if (from <= r->base.v && to >= end) {
            range_remove(m, i--);
        } else if (from <= r->base.v) {
            r->size = end - to;
            r->base.v = to;
        } else if (to >= end) {
            r->size = from - r->base.v;
        } else if (!range_split(m, i, from, to)) {
            return false;
        }
    }
    return true;
}

void memory_pool(hpa_t *base, uint64_t *size, uint64_t *used)
{
    base->v = pool_base;
    *size = pool_end - pool_base + pool_more;
    *used = pool_used;
}
