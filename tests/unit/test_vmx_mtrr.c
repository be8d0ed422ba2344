/* SPDX-License-Identifier: Apache-2.0 */
/* Memory types by the MTRRs: fixed and variable ranges, how they overlap, how far a type reaches.
 */
#include "unit.h"

#include "x86/vmx/mtrr.h"

#define GIB  (1024 * MIB)
#define E    (1ull << 11)
#define FE   (1ull << 10)
#define BITS 39

static struct mtrr mtrr;

static void start(uint64_t def_type)
{
    memset(&mtrr, 0, sizeof(mtrr));
    mtrr.def_type = def_type;
    mtrr.physical_bits = BITS;
}

static void add_mask(uint64_t base, uint64_t mask, unsigned type)
{
    mtrr.variable[mtrr.variables].base = base | type;
    mtrr.variable[mtrr.variables].mask = mask | 1ull << 11;
    mtrr.variables++;
}

static void add(uint64_t base, uint64_t size, unsigned type)
{
    add_mask(base, ((1ull << BITS) - 1) & ~(size - 1), type);
}

static void expect(uint64_t address, uint64_t size, unsigned type, uint64_t run)
{
    unsigned seen = 99;
    uint64_t bytes = mtrr_type_run(&mtrr, address, size, &seen);
    if (seen != type || bytes != run)
        fail_msg("0x%llx: type %u for 0x%llx bytes, not %u for 0x%llx", (unsigned long long)address,
                 seen, (unsigned long long)bytes, type, (unsigned long long)run);
}

/* Each address' type by the SDM's words, one range after the other: what the runs are held against.
 */
static unsigned plain_type(uint64_t address)
{
    bool seen[8] = {false};
    unsigned count = 0;
    for (unsigned i = 0; i < mtrr.variables; i++) {
        uint64_t mask = mtrr.variable[i].mask;
        if ((mask & 1 << 11) == 0 || ((address ^ mtrr.variable[i].base) & mask & ~0xfffull) != 0)
            continue;
        count += !seen[mtrr.variable[i].base & 7];
        seen[mtrr.variable[i].base & 7] = true;
    }
    if (count == 0)
        return mtrr.def_type & 0xff;
    for (unsigned type = 0; type < 8; type++)
        if (count == 1 && seen[type])
            return type;
    return count == 2 && seen[MTRR_WT] && seen[MTRR_WB] ? MTRR_WT : MTRR_UC;
}

static void test_off(void **state)
{
    (void)state;
    start(FE | MTRR_WB); /* without E nothing else counts */
    add(0, 2 * GIB, MTRR_WB);
    memset(mtrr.fixed, MTRR_WB, sizeof(mtrr.fixed));
    expect(0, 4 * GIB, MTRR_UC, 4 * GIB);
    mtrr.def_type |= E;
    expect(0, 4 * GIB, MTRR_WB, 4 * GIB);
}

static void test_default(void **state)
{
    (void)state;
    start(E | MTRR_WC);
    expect(0, 1ull << BITS, MTRR_WC, 1ull << BITS);
    expect(0x7fff000, PAGE_SIZE, MTRR_WC, PAGE_SIZE);
    expect(1ull << BITS, 8 * GIB, MTRR_WC, 8 * GIB);
}

/* The variable ranges hold only below 512 GiB here; a range that is not valid holds nowhere. */
static void test_end(void **state)
{
    (void)state;
    start(E | MTRR_UC);
    add((1ull << BITS) - GIB, GIB, MTRR_WB);
    expect((1ull << BITS) - 2 * GIB, 4 * GIB, MTRR_UC, GIB);
    expect((1ull << BITS) - GIB, 4 * GIB, MTRR_WB, GIB);
    mtrr.variable[0].mask &= ~(1ull << 11);
    expect((1ull << BITS) - 2 * GIB, 4 * GIB, MTRR_UC, 4 * GIB);
}

/* 3 GiB of 4 write-back below the hole for devices, and what was above the hole behind 4 GiB. */
static void test_machine(void **state)
{
    (void)state;
    start(E | MTRR_UC);
    add(0, 4 * GIB, MTRR_WB);
    add(3 * GIB, GIB, MTRR_UC);
    add(4 * GIB, GIB, MTRR_WB);
    add(0xb0000000, 256 * MIB, MTRR_UC);
    expect(0, 16 * GIB, MTRR_WB, 0xb0000000);
    expect(0xaffff000, 2 * MIB, MTRR_WB, PAGE_SIZE);
    expect(0xb0000000, 16 * GIB, MTRR_UC, 0x50000000);
    expect(4 * GIB, 16 * GIB, MTRR_WB, GIB);
    expect(5 * GIB, 16 * GIB, MTRR_UC, 16 * GIB);
}

/* The other way round: write-back by default, and one hole (2 GiB of memory below it). */
static void test_hole(void **state)
{
    (void)state;
    start(E | MTRR_WB);
    add(2 * GIB, 2 * GIB, MTRR_UC);
    add(0x80000000, 16 * MIB, MTRR_WC); /* undefined with UC: UC */
    expect(0, 64 * GIB, MTRR_WB, 2 * GIB);
    expect(2 * GIB, 64 * GIB, MTRR_UC, 2 * GIB);
    expect(4 * GIB, 64 * GIB, MTRR_WB, 64 * GIB);
}

static void test_overlap(void **state)
{
    static const struct {
        unsigned a, b, both;
    } pairs[] = {
        {MTRR_WB, MTRR_WB, MTRR_WB}, {MTRR_WB, MTRR_UC, MTRR_UC}, {MTRR_UC, MTRR_WB, MTRR_UC},
        {MTRR_WB, MTRR_WT, MTRR_WT}, {MTRR_WT, MTRR_WB, MTRR_WT}, {MTRR_WC, MTRR_WC, MTRR_WC},
        {MTRR_WT, MTRR_UC, MTRR_UC}, {MTRR_WC, MTRR_WB, MTRR_UC}, {MTRR_WP, MTRR_WT, MTRR_UC},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        start(E | MTRR_WP);
        add(0, 64 * MIB, pairs[i].a);
        add(32 * MIB, 32 * MIB, pairs[i].b);
        expect(0, 32 * MIB, pairs[i].a, 32 * MIB);
        expect(32 * MIB, GIB, pairs[i].both, pairs[i].both == MTRR_WP ? GIB : 32 * MIB);
        assert_int_equal(plain_type(48 * MIB), pairs[i].both);
    }
    start(E);
    add(0, 4 * MIB, MTRR_WB);
    add(0, 4 * MIB, MTRR_WT);
    add(0, 4 * MIB, MTRR_WB);
    expect(0, 4 * MIB, MTRR_WT, 4 * MIB);
}

/* Fixed ranges hide variable ones below 1 MiB: video memory, and a ROM that is write-protected. */
static void test_fixed(void **state)
{
    (void)state;
    start(E | FE | MTRR_UC);
    add(0, 2 * GIB, MTRR_WB);
    memset(mtrr.fixed, MTRR_WB, sizeof(mtrr.fixed));
    mtrr.fixed[2] = 0x0101010101010101;  /* a0000-bffff */
    mtrr.fixed[5] = 0x0505060606060606;  /* d0000-d7fff; its last two pages */
    mtrr.fixed[10] = 0x0006060606060606; /* f8000-fffff; its last page */
    expect(0, GIB, MTRR_WB, 0xa0000);
    expect(0x1000, 0x2000, MTRR_WB, 0x2000);
    expect(0xa0000, GIB, MTRR_WC, 0x20000);
    expect(0xbf000, GIB, MTRR_WC, 0x1000);
    expect(0xc0000, GIB, MTRR_WB, 0x16000);
    expect(0xd6000, GIB, MTRR_WP, 0x2000);
    expect(0xd8000, GIB, MTRR_WB, 0x27000);
    expect(0xff000, GIB, MTRR_UC, 0x1000);
    expect(0x100000, 4 * GIB, MTRR_WB, 2 * GIB - 0x100000);
    mtrr.def_type &= ~FE;
    expect(0, 4 * GIB, MTRR_WB, 2 * GIB);
}

/* Each of the 88 fixed ranges alone, at its place. */
static void test_each_fixed(void **state)
{
    (void)state;
    uint64_t at = 0;
    for (unsigned i = 0; i < 88; i++) {
        uint64_t range = i < 8 ? 64 * KIB : i < 24 ? 16 * KIB : 4 * KIB;
        start(E | FE | MTRR_UC);
        mtrr.fixed[i / 8] = (uint64_t)MTRR_WB << 8 * (i % 8);
        expect(at, MIB, MTRR_WB, range);
        if (at > 0)
            expect(0, MIB, MTRR_UC, at);
        at += range;
    }
    assert_int_equal(at, MIB);
}

/* A mask with a hole selects many places (12.11.3): every other 2 MiB of 16. */
static void test_mask_with_hole(void **state)
{
    (void)state;
    start(E | MTRR_WB);
    add_mask(2 * MIB, (1ull << BITS) - 16 * MIB + 2 * MIB, MTRR_UC);
    for (uint64_t at = 0; at < 16 * MIB; at += 4 * MIB) {
        expect(at, 2 * MIB, MTRR_WB, 2 * MIB);
        expect(at + 2 * MIB, 16 * MIB, MTRR_UC, 2 * MIB);
    }
    expect(16 * MIB, GIB, MTRR_WB, GIB);
}

/* A mask of 0 selects everything. */
static void test_mask_of_all(void **state)
{
    (void)state;
    start(E | MTRR_UC);
    add_mask(0, 0, MTRR_WB);
    expect(0, 1ull << BITS, MTRR_WB, 1ull << BITS);
}

/* Random ranges: a run has its type in every page, and the page behind it has another. */
static void test_random(void **state)
{
    static const unsigned types[] = {MTRR_UC, MTRR_WC, MTRR_WT, MTRR_WP, MTRR_WB};
    uint64_t seed = 2026;
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        start(E | types[unit_random(&seed) % 5]);
        for (unsigned i = 0; i < 6; i++) {
            uint64_t size = 4 * KIB << unit_random(&seed) % 8;
            uint64_t base = unit_random(&seed) % (4 * MIB) & ~(size - 1);
            add(base, size, types[unit_random(&seed) % 5]);
        }
        for (uint64_t at = 0; at < 4 * MIB;) {
            unsigned type;
            uint64_t run = mtrr_type_run(&mtrr, at, 5 * MIB - at, &type);
            assert_true(run > 0 && run % PAGE_SIZE == 0);
            for (uint64_t page = at; page < at + run; page += PAGE_SIZE)
                assert_int_equal(type, plain_type(page));
            at += run;
            assert_true(at >= 5 * MIB || plain_type(at) != type);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_machine),
        cmocka_unit_test(test_hole),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_each_fixed),
        cmocka_unit_test(test_mask_with_hole),
        cmocka_unit_test(test_mask_of_all),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
