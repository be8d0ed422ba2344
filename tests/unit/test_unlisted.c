/* SPDX-License-Identifier: Apache-2.0 */
/* The table of unlisted accesses, and changes of settings as the log tells them. */
#include "unit.h"

#include "core/changes.h"
#include "core/log.h"
#include "core/unlisted.h"

static struct unlisted table;

static void note(uint32_t number, uint8_t kind, uint8_t size, bool allowed, unsigned times)
{
    while (times-- > 0)
        unlisted_note(&table, &(struct unlisted_use){99, number, kind, size, allowed});
}

static void expect(unsigned index, uint32_t number, uint8_t kind, uint64_t count, bool allowed)
{
    struct unlisted_use use;
    assert_true(unlisted_get(&table, index, &use));
    assert_int_equal(use.number, number);
    assert_int_equal(use.kind, kind);
    assert_int_equal(use.count, count);
    assert_int_equal(use.allowed, allowed);
}

/* Number, kind and size make an entry; that it was allowed once stays. */
static void each_is_counted_by_itself(void **state)
{
    struct unlisted_use use;
    (void)state;
    unlisted_clear(&table);
    note(0x70, EVENT_UNLISTED_PORT_READ, 1, false, 3);
    note(0x70, EVENT_UNLISTED_PORT_WRITE, 1, false, 2);
    note(0x70, EVENT_UNLISTED_PORT_READ, 2, false, 1);
    note(0x3a, EVENT_UNLISTED_MSR_READ, 1, false, 1);
    note(0x3a, EVENT_UNLISTED_MSR_READ, 1, true, 1);
    note(0x3a, EVENT_UNLISTED_MSR_READ, 1, false, 1);
    expect(0, 0x70, EVENT_UNLISTED_PORT_READ, 3, false);
    expect(1, 0x70, EVENT_UNLISTED_PORT_WRITE, 2, false);
    expect(2, 0x70, EVENT_UNLISTED_PORT_READ, 1, false);
    expect(3, 0x3a, EVENT_UNLISTED_MSR_READ, 3, true);
    assert_false(unlisted_get(&table, 4, &use));
    unlisted_clear(&table);
    assert_false(unlisted_get(&table, 0, &use));
}

/* A burst of new ones pushes nothing out; the old ones go on being counted. */
static void first_come_first_kept(void **state)
{
    struct unlisted_use use;
    (void)state;
    unlisted_clear(&table);
    for (uint32_t i = 0; i < 2 * UNLISTED_KEPT; i++)
        note(i, EVENT_UNLISTED_MSR_WRITE, 1, true, 1);
    note(0, EVENT_UNLISTED_MSR_WRITE, 1, true, 5);
    assert_int_equal(table.lost, UNLISTED_KEPT);
    expect(0, 0, EVENT_UNLISTED_MSR_WRITE, 6, true);
    expect(UNLISTED_KEPT - 1, UNLISTED_KEPT - 1, EVENT_UNLISTED_MSR_WRITE, 1, true);
    assert_false(unlisted_get(&table, UNLISTED_KEPT, &use));
    unlisted_clear(&table);
    assert_int_equal(table.lost, 0);
}

static char logged[65536];

/* What is new in the log since *FROM. */
static const char *log_since(uint64_t *from)
{
    size_t length = log_copy(from, logged, sizeof(logged) - 1);
    logged[length] = '\0';
    *from += length;
    return logged;
}

static void log_answer(char *answer, unsigned generation)
{
    changes_log(&(struct text){answer, strlen(answer), strlen(answer), false}, generation);
}

static void changes_are_logged(void **state)
{
    uint64_t from = 0;
    (void)state;
    log_since(&from);
    char answer[] = "created name db cpus 3 memory 1 node 0\n"
                    "changed vm web what rdtsc old pass new count\n"
                    "changed vm web what peers old none new db,mail\n"
                    "changed vm web what\nchanged\n\ndestroyed name left\n"
                    "changed vm x what y old z new cut";
    log_answer(answer, 7);
    assert_string_equal(log_since(&from),
                        "[   0.000000] cpu0 info: vm \"web\": rdtsc pass -> count (generation 7)\n"
                        "[   0.000000] cpu0 info: vm \"web\": peers none -> db,mail (generation "
                        "7)\n");
}

/* Any number of changes takes a bounded number of lines. */
static void many_changes_are_counted(void **state)
{
    static char answer[65536];
    uint64_t from = 0;
    unsigned lines = 0;
    size_t length = 0;
    (void)state;
    log_since(&from);
    for (unsigned i = 0; i < CHANGES_LOGGED + 3; i++)
        length += (size_t)snprintf(answer + length, sizeof(answer) - length,
                                   "changed vm web what port-%u old none new deny\n", i);
    log_answer(answer, 9);
    const char *text = log_since(&from);
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(lines, CHANGES_LOGGED + 1);
    assert_non_null(strstr(text, "info: and 3 more settings (generation 9)\n"));
}

/* A record that is longer than any can be is cut, not followed. */
static void a_long_record_is_cut(void **state)
{
    static char answer[5000];
    uint64_t from = 0;
    (void)state;
    log_since(&from);
    memset(answer, 'a', sizeof(answer));
    memcpy(answer, "changed vm web what peers old ", 30);
    memcpy(answer + 4000, " new b\n", 8);
    log_answer(answer, 1);
    assert_string_equal(log_since(&from), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_counted_by_itself), cmocka_unit_test(first_come_first_kept),
        cmocka_unit_test(changes_are_logged),        cmocka_unit_test(many_changes_are_counted),
        cmocka_unit_test(a_long_record_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
