/* SPDX-License-Identifier: Apache-2.0 */
/* Linux' exception table after the sites have moved: same fixups, found by their new addresses. */
#include "wedge_machine.h"

#define ENTRIES 600u

struct entry {
    int32_t insn, fixup;
    uint32_t data;
};

static struct wanted {
    uint64_t insn, fixup;
    uint32_t data;
    uint8_t *site; /* NULL: not a site */
} wanted[ENTRIES];

static struct entry *table(void)
{
    return (struct entry *)(void *)(machine.base + MACHINE_TABLE);
}

static uint64_t absolute(const int32_t *field)
{
    return (uint64_t)((int64_t)(uintptr_t)field + *field);
}

/* By rising address: sites, and instructions that are none. */
static unsigned make_table(void)
{
    unsigned count = 100 + (unsigned)(machine_random() % (ENTRIES - 100));
    for (unsigned i = 0; i < count; i++) {
        static const uint8_t other[] = {0x8b, 0x00};
        bool site = machine_random() % 3 == 0;
        uint8_t *at = site ? machine_site(AFTERBURN_RDMSR, "\x0f\x32", 2, 5, 0)
                           : machine_code(other, sizeof(other));
        if (site && machine_random() % 8 == 0)
            machine.sites[machine.site_count - 1].flags |= AFTERBURN_EXCLUDED;
        else if (site)
            machine.sites[machine.site_count - 1].flags |= AFTERBURN_IN_TABLE;
        machine_site(AFTERBURN_CPUID, "\x0f\xa2", 2, 5, 0);
        uint8_t *fixup = machine.base + machine_random() % MACHINE_TEXT;
        wanted[i] = (struct wanted){(uintptr_t)at, (uintptr_t)fixup, (uint32_t)machine_random(),
                                    site ? at : NULL};
        struct entry *entry = &table()[i];
        entry->insn = (int32_t)(at - (uint8_t *)&entry->insn);
        entry->fixup = (int32_t)(fixup - (uint8_t *)&entry->fixup);
        entry->data = wanted[i].data;
    }
    machine.pack->ex_table_size = count * sizeof(struct entry);
    return count;
}

static const struct entry *find(uint64_t insn, unsigned count)
{
    unsigned low = 0;
    while (low < count) {
        unsigned middle = low + (count - low) / 2;
        uint64_t at = absolute(&table()[middle].insn);
        if (at == insn)
            return &table()[middle];
        if (at < insn)
            low = middle + 1;
        else
            count = middle;
    }
    return NULL;
}

/* The way that Linux looks: by halves, hence the order. COPY: of the instruction in a stub. */
static void check(uint32_t ground, unsigned copy)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        machine_new(seed);
        unsigned count = make_table(), moved = 0;
        machine_patch(ground, ~0ull, 0);
        assert_int_equal(machine.counts.doubtful + machine.counts.no_room, 0);
        for (unsigned i = 1; i < count; i++)
            assert_true(absolute(&table()[i - 1].insn) < absolute(&table()[i].insn));
        for (unsigned i = 0; i < count; i++) {
            uint8_t *stub = wanted[i].site != NULL ? machine_target(wanted[i].site) : NULL;
            uint64_t insn = stub != NULL ? (uintptr_t)stub + copy : wanted[i].insn;
            const struct entry *entry = find(insn, count);
            if (entry == NULL)
                fail_msg("seed %lu: no entry for %lx", seed, insn);
            assert_true(absolute(&entry->fixup) == wanted[i].fixup);
            assert_int_equal(entry->data, wanted[i].data);
            assert_true(stub == NULL || memcmp(stub + copy, "\x0f\x32", 2) == 0);
            moved += stub != NULL;
        }
        assert_true(moved > 10);
    }
}

static void test_asking(void **state)
{
    (void)state;
    check(GROUND_KVM, 10);
}

static void test_counting(void **state)
{
    (void)state;
    check(GROUND_COUNT, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
