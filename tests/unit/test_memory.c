/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's memory: pages taken and given back in any order are whole and clear again. */
#include "unit.h"

#include "x86/memory.h"
#include "x86/trap.h"

#define PAGES 256u
#define HELD  64u
#define TURNS 20000u

static uint8_t *area;

void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

static uint64_t used(void)
{
    hpa_t base;
    uint64_t size, bytes;
    memory_pool(&base, &size, &bytes);
    assert_int_equal(size, PAGES * PAGE_SIZE);
    return bytes;
}

static int give_area(void **state)
{
    (void)state;
    area = aligned_alloc(PAGE_SIZE, PAGES * PAGE_SIZE);
    assert_non_null(area);
    memory_extend((hpa_t){(uint64_t)area}, PAGES * PAGE_SIZE);
    return 0;
}

static int free_area(void **state)
{
    (void)state;
    free(area);
    return 0;
}

/* All of it in one piece, and no page more. */
static void expect_whole(void)
{
    assert_int_equal(used(), 0);
    void *all = memory_pages(PAGES);
    assert_ptr_equal(all, area);
    assert_null(memory_pages(1));
    assert_int_equal(used(), PAGES * PAGE_SIZE);
    memory_free(all, PAGES);
}

static void neighbours_join(void **state)
{
    static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
        void *parts[3];
        parts[0] = memory_pages(100);
        parts[1] = memory_pages(56);
        parts[2] = memory_pages(100);
        static const unsigned sizes[3] = {100, 56, 100};
        assert_null(memory_pages(1));
        for (unsigned j = 0; j < 3; j++)
            memory_free(parts[orders[i][j]], sizes[orders[i][j]]);
        expect_whole();
    }
    memory_free(NULL, 3);
    expect_whole();
}

/* Runs are taken, filled with their own number, and given back: no two overlap, each is clear. */
static void any_order(void **state)
{
    static struct {
        uint8_t *at;
        unsigned pages;
    } held[HELD];
    uint64_t expected = 0;
    (void)state;
    srand(1);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        unsigned i = (unsigned)rand() % HELD;
        if (held[i].at != NULL) {
            for (size_t at = 0; at < held[i].pages * PAGE_SIZE; at += 512)
                assert_int_equal(held[i].at[at], i + 1);
            memory_free(held[i].at, held[i].pages);
            expected -= held[i].pages * PAGE_SIZE;
            held[i].at = NULL;
        } else {
            held[i].pages = 1 + (unsigned)rand() % 9;
            held[i].at = memory_pages(held[i].pages);
            if (held[i].at == NULL)
                continue;
            assert_in_range((uint64_t)(held[i].at - area), 0, (PAGES - held[i].pages) * PAGE_SIZE);
            for (size_t at = 0; at < held[i].pages * PAGE_SIZE; at++)
                assert_int_equal(held[i].at[at], 0);
            memset(held[i].at, (int)i + 1, held[i].pages * PAGE_SIZE);
            expected += held[i].pages * PAGE_SIZE;
        }
        assert_int_equal(used(), expected);
    }
    for (unsigned i = 0; i < HELD; i++)
        memory_free(held[i].at, held[i].pages);
    expect_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_join),
        cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests(tests, give_area, free_area);
}
