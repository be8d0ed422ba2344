/* SPDX-License-Identifier: Apache-2.0 */
/* What a wedge is told to leave to the monitor, and where that may be written. */
#include "unit.h"

#include "core/wedge.h"

#define UART  0x3f8u
#define FIRST 0x100000u
#define SIZE  0x1000u
#define NEXT  (FIRST + SIZE) /* beside it for the guest, elsewhere for the monitor */
#define BLOCK 0x40000000u

static uint8_t low[SIZE] __attribute__((aligned(16))), high[SIZE] __attribute__((aligned(16)));
static struct place_extent extents[2];
static _Atomic uint32_t frames[1] = {1};
static const struct guest_blocks blocks = {BLOCK, 1, frames};
static struct guest_memory memory = {extents, 2, &blocks};
static struct wedge wedge;
static struct controls controls;
static struct wedge_ports_now ports;

static int prepare(void **state)
{
    (void)state;
    memset(low, 0x55, sizeof(low));
    memset(high, 0x55, sizeof(high));
    extents[0] = (struct place_extent){.gpa = {FIRST}, .hpa = {(uintptr_t)low}, .size = SIZE};
    extents[1] = (struct place_extent){.gpa = {NEXT}, .hpa = {(uintptr_t)high}, .size = SIZE};
    memset(&wedge, 0, sizeof(wedge));
    memset(&controls, 0, sizeof(controls));
    ports = (struct wedge_ports_now){UART, false};
    return 0;
}

static uint32_t start(uint64_t at, uint32_t wanted)
{
    return wedge_start(&wedge, &memory, (gpa_t){at}, wanted, UART);
}

static uint32_t trap(void)
{
    uint32_t said;
    wedge_update(&wedge, &controls, ports, false);
    memcpy(&said, low, sizeof(said));
    return said;
}

static bool is_untouched(const uint8_t *bytes, size_t from)
{
    for (size_t i = from; i < SIZE; i++)
        if (bytes[i] != 0x55)
            return false;
    return true;
}

static void the_lower_version_is_granted(void **state)
{
    (void)state;
    assert_int_equal(start(FIRST, 0), 0);
    assert_int_equal(start(FIRST, 1), 1);
    assert_int_equal(start(FIRST, HYPERCALL_VERSION), HYPERCALL_VERSION);
    assert_int_equal(start(FIRST, UINT32_MAX), HYPERCALL_VERSION);
}

/* Whole words in the memory that the VM was made with, and four bytes of it are written. */
static void words_lie_in_memory_that_stays(void **state)
{
    static const uint64_t refused[] = {0,         FIRST - 16,     FIRST - 8,       FIRST + 4,
                                       FIRST + 1, NEXT - 8,       NEXT + SIZE - 8, NEXT + SIZE,
                                       BLOCK,     UINT64_MAX - 7, UINT64_MAX,      1ull << 63};
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(start(refused[i], 2), 0);
        wedge_update(&wedge, &controls, ports, true);
    }
    assert_true(is_untouched(low, 0) && is_untouched(high, 0));
    assert_int_equal(start(NEXT - 16, 2), 2);
    assert_int_equal(start(NEXT + SIZE - 16, 2), 2);
    assert_int_equal(start(FIRST, 2), 2);
    assert_int_equal(trap(), 0);
    assert_true(is_untouched(low, 4) && is_untouched(high, 0));
}

static void nothing_is_written_once_it_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(start(FIRST, 2), 2);
    wedge_forget(&wedge);
    assert_int_equal(wedge.version, 0);
    wedge_update(&wedge, &controls, ports, true);
    assert_true(is_untouched(low, 0));
    /* A refused start ends the one before, too. */
    assert_int_equal(start(FIRST, 2), 2);
    assert_int_equal(start(0, 2), 0);
    wedge_update(&wedge, &controls, ports, true);
    assert_true(is_untouched(low, 0));
}

static void version_1_has_no_ipis(void **state)
{
    (void)state;
    start(FIRST, 1);
    assert_int_equal(trap(), WEDGE_IPI);
    start(FIRST, 2);
    assert_int_equal(trap(), 0);
}

static void the_console_is_where_it_was(void **state)
{
    (void)state;
    start(FIRST, 2);
    ports.console = 0x2f8; /* may be where a device was absent */
    assert_int_equal(trap(), WEDGE_CONSOLE | WEDGE_ABSENT);
    ports.console = 0;
    assert_int_equal(trap(), WEDGE_CONSOLE);
    ports.console = UART;
    assert_int_equal(trap(), 0);
}

static void a_service_vm_has_real_ports(void **state)
{
    (void)state;
    start(FIRST, 2);
    ports = (struct wedge_ports_now){0, true};
    assert_int_equal(trap(), WEDGE_CONSOLE | WEDGE_DELAY | WEDGE_ABSENT);
}

static void expect_rule(struct control_rules *rules, uint32_t first, uint32_t last,
                        uint32_t expected)
{
    static const enum control_policy policies[] = {CONTROL_PASS, CONTROL_COUNT, CONTROL_LOG,
                                                   CONTROL_DENY};
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        rules->list[0] = (struct control_rule){first, last, CONTROL_READ_WRITE, policies[i]};
        rules->count = 1;
        assert_int_equal(trap(), expected);
        rules->count = 0;
        assert_int_equal(trap(), 0);
    }
}

static void a_rule_takes_back_what_it_is_about(void **state)
{
    (void)state;
    start(FIRST, 2);
    expect_rule(&controls.ports, 0x80, 0x80, WEDGE_DELAY);
    expect_rule(&controls.ports, 0x81, 0x81, WEDGE_ABSENT);
    expect_rule(&controls.ports, 0x7f, 0x7f, WEDGE_ABSENT);
    expect_rule(&controls.ports, 0x70, 0x90, WEDGE_ABSENT | WEDGE_DELAY);
    expect_rule(&controls.ports, UART + 7, UART + 7, WEDGE_ABSENT | WEDGE_CONSOLE);
    expect_rule(&controls.ports, UART + 8, UART + 8, WEDGE_ABSENT);
    expect_rule(&controls.ports, 0, 0xffff, WEDGE_ABSENT | WEDGE_DELAY | WEDGE_CONSOLE);
    expect_rule(&controls.msrs, 0x10, 0x10, WEDGE_RDMSR);
    expect_rule(&controls.msrs, 0x7ff, 0x800, WEDGE_RDMSR | WEDGE_IPI);
    expect_rule(&controls.msrs, 0x8ff, 0x900, WEDGE_RDMSR | WEDGE_IPI);
}

static void an_audit_sees_what_nothing_lists(void **state)
{
    (void)state;
    start(FIRST, 2);
    controls.unlisted = CONTROL_UNLISTED_AUDIT;
    assert_int_equal(trap(), WEDGE_DELAY | WEDGE_ABSENT | WEDGE_RDMSR);
    controls.unlisted = CONTROL_UNLISTED_DENY;
    assert_int_equal(trap(), 0);
}

static void cpuid_is_watched_or_has_changed(void **state)
{
    (void)state;
    start(FIRST, 2);
    for (unsigned policy = CONTROL_UNSET; policy <= CONTROL_DENY; policy++) {
        controls.events[CONTROL_CPUID] = (uint8_t)policy;
        assert_int_equal(trap(), policy > CONTROL_PASS ? WEDGE_CPUID : 0);
    }
    controls.events[CONTROL_CPUID] = CONTROL_UNSET;
    wedge_update(&wedge, &controls, ports, true);
    assert_int_equal(trap(), WEDGE_CPUID); /* for good: what is remembered may be of either time */
    start(FIRST, 2);
    assert_int_equal(trap(), 0);
}

static void a_line_for_a_hypervisors_place_is_asked_for(void **state)
{
    (void)state;
    start(FIRST, 2);
    controls.cpuids.count = 1;
    controls.cpuids.list[0].leaf = 0x40000300;
    assert_int_equal(trap(), WEDGE_CPUID);
    controls.cpuids.list[0].leaf = 0x7;
    assert_int_equal(trap(), 0);
}

/* A wedge writes CR0 when it patches a module: an event that is not the guest's own, or a fault. */
static void modules_are_left_where_cr0_is_watched(void **state)
{
    (void)state;
    start(FIRST, 2);
    for (unsigned policy = CONTROL_UNSET; policy <= CONTROL_DENY; policy++) {
        controls.events[CONTROL_CR0] = (uint8_t)policy;
        assert_int_equal(trap(), policy > CONTROL_PASS ? WEDGE_MODULES : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_lower_version_is_granted, prepare),
        cmocka_unit_test_setup(words_lie_in_memory_that_stays, prepare),
        cmocka_unit_test_setup(nothing_is_written_once_it_is_forgotten, prepare),
        cmocka_unit_test_setup(version_1_has_no_ipis, prepare),
        cmocka_unit_test_setup(the_console_is_where_it_was, prepare),
        cmocka_unit_test_setup(a_service_vm_has_real_ports, prepare),
        cmocka_unit_test_setup(a_rule_takes_back_what_it_is_about, prepare),
        cmocka_unit_test_setup(an_audit_sees_what_nothing_lists, prepare),
        cmocka_unit_test_setup(cpuid_is_watched_or_has_changed, prepare),
        cmocka_unit_test_setup(a_line_for_a_hypervisors_place_is_asked_for, prepare),
        cmocka_unit_test_setup(modules_are_left_where_cr0_is_watched, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
