/* SPDX-License-Identifier: Apache-2.0 */
/* Page tables: the largest pages that fit, splitting, and the overlay of a single step. */
#include "unit.h"

#include "core/types.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/pagetable.h"

#define FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER)

static unsigned pages_left = UINT32_MAX;
static void *given[4096];
static unsigned given_count;

/* The pool: identity-mapped in the monitor, the C library's here. */
static int freed; /* pages given back */

void memory_free(void *memory, unsigned pages)
{
    freed += (int)pages;
    (void)memory; /* the pool of this test only grows */
}

void *memory_pages(unsigned pages)
{
    if (pages_left < pages)
        return NULL;
    pages_left -= pages;
    void *memory = aligned_alloc(PAGE_SIZE, pages * PAGE_SIZE);
    assert_non_null(memory);
    assert_true(given_count < ARRAY_SIZE(given));
    given[given_count++] = memory;
    return memset(memory, 0, pages * PAGE_SIZE);
}

static int give_back(void **state)
{
    (void)state;
    while (given_count > 0)
        free(given[--given_count]);
    return 0;
}

static void expect(const uint64_t *root, uint64_t address, uint64_t target, uint64_t page)
{
    uint64_t size = 0;
    uint64_t entry = pagetable_lookup(root, address, &size);
    assert_int_equal(size, page);
    assert_int_equal(entry & PTE_ADDRESS & ~(page - 1), target & ~(page - 1));
}

static void largest_pages_that_fit(void **state)
{
    uint64_t *root = memory_pages(1);
    uint64_t size;
    (void)state;
    assert_true(pagetable_map(root, GIB, 4 * GIB, 2 * GIB + 2 * MIB + 4 * KIB, FLAGS, HUGE_PAGE));
    expect(root, GIB, 4 * GIB, HUGE_PAGE);
    expect(root, 3 * GIB - 1, 6 * GIB - 1, HUGE_PAGE);
    expect(root, 3 * GIB, 6 * GIB, LARGE_PAGE);
    expect(root, 3 * GIB + 2 * MIB, 6 * GIB + 2 * MIB, PAGE_SIZE);
    assert_int_equal(pagetable_lookup(root, 3 * GIB + 2 * MIB + 4 * KIB, &size), 0);
    assert_int_equal(pagetable_lookup(root, GIB - 1, &size), 0);
}

static void odd_targets_take_small_pages(void **state)
{
    uint64_t *root = memory_pages(1);
    (void)state;
    assert_true(pagetable_map(root, 0, 4 * KIB, 4 * MIB, FLAGS, HUGE_PAGE));
    expect(root, 2 * MIB, 2 * MIB + 4 * KIB, PAGE_SIZE);
}

static void a_hole_splits_large_pages(void **state)
{
    uint64_t *root = memory_pages(1);
    uint64_t size;
    (void)state;
    assert_true(pagetable_map(root, 0, 0, 4 * GIB, FLAGS, HUGE_PAGE));
    assert_true(pagetable_unmap(root, 0xfee00000, PAGE_SIZE));
    assert_int_equal(pagetable_lookup(root, 0xfee00000, &size), 0);
    assert_int_equal(pagetable_lookup(root, 0xfee00fff, &size), 0);
    expect(root, 0xfedff000, 0xfedff000, LARGE_PAGE);
    expect(root, 0xfee01000, 0xfee01000, PAGE_SIZE);
    expect(root, 0xfec00000, 0xfec00000, LARGE_PAGE);
    expect(root, GIB, GIB, HUGE_PAGE);
}

/* A large hole costs the tables of its two ends, not one for each 2 MiB. */
static void a_large_hole_is_cheap(void **state)
{
    uint64_t *root = memory_pages(1);
    uint64_t size;
    (void)state;
    assert_true(pagetable_map(root, 0, 0, 8 * GIB, FLAGS, HUGE_PAGE));
    unsigned before = given_count;
    assert_true(pagetable_unmap(root, MIB, 5 * GIB));
    assert_true(given_count - before <= 4);
    expect(root, MIB - 1, MIB - 1, PAGE_SIZE);
    for (uint64_t at = MIB; at < MIB + 5 * GIB; at += 0x1ff000)
        assert_int_equal(pagetable_lookup(root, at, &size), 0);
    expect(root, MIB + 5 * GIB, MIB + 5 * GIB, PAGE_SIZE);
}

/* The overlay differs from the tables in one page, wherever that lies. */
static void overlay_exchanges_one_page(void **state)
{
    static const uint64_t places[] = {0, 0x1000, 0x200000, 0xfec00000, 5 * GIB};
    uint64_t *root = memory_pages(1);
    (void)state;
    pagetable_map(root, 0, 0, GIB, FLAGS, HUGE_PAGE);
    pagetable_map(root, 3 * GIB, 3 * GIB, GIB, FLAGS, LARGE_PAGE);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t *overlay = memory_pages(1);
        uint64_t *const tables[3] = {memory_pages(1), memory_pages(1), memory_pages(1)};
        pagetable_overlay(overlay, tables, root, places[i], 0x123456000, FLAGS);
        expect(overlay, places[i], 0x123456000, PAGE_SIZE);
        for (uint64_t at = 0; at < 6 * GIB; at += 0x1ff000) {
            uint64_t a;
            uint64_t b;
            uint64_t was = pagetable_lookup(root, at, &a);
            uint64_t is = pagetable_lookup(overlay, at, &b);
            if (at / PAGE_SIZE == places[i] / PAGE_SIZE)
                continue;
            assert_int_equal(was == 0, is == 0);
            if (was != 0)
                assert_int_equal((was & PTE_ADDRESS & ~(a - 1)) + at % a,
                                 (is & PTE_ADDRESS & ~(b - 1)) + at % b);
        }
    }
}

static void no_memory_is_reported(void **state)
{
    uint64_t *root = memory_pages(1);
    (void)state;
    pages_left = 1;
    assert_false(pagetable_map(root, 0, 0, PAGE_SIZE, FLAGS, HUGE_PAGE));
    pages_left = UINT32_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_pages_that_fit),
        cmocka_unit_test(odd_targets_take_small_pages),
        cmocka_unit_test(a_hole_splits_large_pages),
        cmocka_unit_test(a_large_hole_is_cheap),
        cmocka_unit_test(overlay_exchanges_one_page),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, give_back);
}
