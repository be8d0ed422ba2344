/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs against native execution: registers, flags, stack, and what reaches the devices. */
#include "wedge_machine.h"

#define CASES  1000u
#define ROUNDS 20u
#define ALL    (WEDGE_DELAY | WEDGE_ABSENT | WEDGE_CPUID | WEDGE_RDMSR)

struct form {
    uint8_t kind, length, before;
    uint8_t insn[4];
};

static const struct form asking[] = {
    {AFTERBURN_IN, 2, 0, {0xe4, 0}},        {AFTERBURN_IN, 2, 0, {0xe5, 0}},
    {AFTERBURN_IN, 3, 0, {0x66, 0xe5, 0}},  {AFTERBURN_IN, 1, 0, {0xec}},
    {AFTERBURN_IN, 1, 0, {0xed}},           {AFTERBURN_IN, 2, 0, {0x66, 0xed}},
    {AFTERBURN_OUT, 2, 0, {0xe6, 0}},       {AFTERBURN_OUT, 2, 0, {0xe7, 0}},
    {AFTERBURN_OUT, 3, 0, {0x66, 0xe7, 0}}, {AFTERBURN_OUT, 1, 0, {0xee}},
    {AFTERBURN_OUT, 1, 0, {0xef}},          {AFTERBURN_OUT, 2, 0, {0x66, 0xef}},
    {AFTERBURN_RDMSR, 2, 0, {0x0f, 0x32}},  {AFTERBURN_CPUID, 2, 0, {0x0f, 0xa2}},
};

static const struct form counted[] = {
    {AFTERBURN_CLI, 1, 0, {0xfa}},
    {AFTERBURN_PUSHF, 1, 0, {0x9c}},
    {AFTERBURN_PUSHF, 2, 0, {0x66, 0x9c}},
    {AFTERBURN_POPF, 1, 0, {0x9d}},
    {AFTERBURN_IN, 1, 0, {0xec}},
    {AFTERBURN_CPUID, 2, 0, {0x0f, 0xa2}},
    {AFTERBURN_RDMSR, 2, 0, {0x0f, 0x32}},
    {AFTERBURN_WRMSR, 2, 0, {0x0f, 0x30}},
    {AFTERBURN_CR_READ, 3, 0, {0x0f, 0x20, 0xc1}},
    {AFTERBURN_CR_WRITE, 4, 0, {0x41, 0x0f, 0x22, 0xc0}},
    {AFTERBURN_SEGMENT, 3, 0, {0x48, 0x8c, 0xd8}},
    {AFTERBURN_SEGMENT, 2, 0, {0x0f, 0xa0}},
    {AFTERBURN_SEGMENT, 3, 0, {0x0f, 0x02, 0xc8}},
    {AFTERBURN_PAUSE, 2, 0, {0xf3, 0x90}},
};

static struct wedge_case {
    uint8_t *code;
    struct form form;
    struct machine_cpu in, native;
    bool handled; /* by the model */
} cases[CASES];

static uint16_t random_port(void)
{
    switch (machine_random() % 4) {
    case 0:
        return 0x80;
    case 1:
        return (uint16_t)(0x2fe + machine_random() % 0x14);
    case 2:
        return (uint16_t)(0x7e + machine_random() % 4);
    default:
        return (uint16_t)(0x4000 + machine_random() % 0xc000);
    }
}

static void make_case(struct wedge_case *to, const struct form *forms, unsigned count)
{
    to->form = forms[machine_random() % count];
    struct form *form = &to->form;
    machine_cpu_random(&to->in);
    uint16_t port = random_port();
    if (form->insn[form->length - 1] == 0)
        form->insn[form->length - 1] = (uint8_t)(port = (uint8_t)port);
    to->in.r[RDX] = (to->in.r[RDX] & ~0xffffull) | port;
    if (form->kind == AFTERBURN_RDMSR)
        to->in.r[RCX] = (to->in.r[RCX] & ~0xffffffffull) | (0x10 + machine_random() % 4);
    if (form->kind == AFTERBURN_CPUID) {
        to->in.r[RAX] = (to->in.r[RAX] & 0xffffffff8000001full);
        to->in.r[RCX] &= 0xffffffff00000003ull;
    }
    unsigned size = form->length + form->before;
    size = size < 5 ? 5 : size;
    to->code = machine_site(form->kind, form->insn, form->length,
                            form->before != 0 ? size : size + (unsigned)(machine_random() % 12),
                            form->before);
    machine_end();
    bool word = form->insn[0] == 0x66;
    unsigned width = (form->insn[word] & 1) == 0 ? 1 : word ? 2 : 4;
    bool absent = port >= 0x300 && port + width <= 0x310;
    to->handled = form->kind == AFTERBURN_CPUID ||
                  (form->kind == AFTERBURN_RDMSR && (uint32_t)to->in.r[RCX] >= 0x12) ||
                  (form->kind == AFTERBURN_IN && absent) ||
                  (form->kind == AFTERBURN_OUT && (absent || (port == 0x80 && width == 1)));
}

static void run_natively(const struct form *forms, unsigned count)
{
    for (unsigned i = 0; i < CASES; i++) {
        make_case(&cases[i], forms, count);
        cases[i].native = cases[i].in;
        machine_run(cases[i].code, &cases[i].native);
    }
}

static void run_and_compare(uint64_t round)
{
    for (unsigned i = 0; i < CASES; i++) {
        struct machine_cpu cpu = cases[i].in;
        unsigned before = seen.faults;
        machine_run(cases[i].code, &cpu);
        machine_cpu_same(&cases[i].native, &cpu);
        if (seen.faults != before && cases[i].handled)
            fail_msg("round %lu, case %u, kind %u: left to trap", round, i, cases[i].form.kind);
    }
}

static void add_msrs(void)
{
    for (uint32_t index = 0x10; index < 0x14; index++) {
        struct wedge_msr *msr = &machine.data->msrs[machine.data->msr_count++];
        *msr = (struct wedge_msr){index, index >= 0x12,
                                  index >= 0x12 ? index * 0x123456789abcdefull : 0};
    }
}

static void test_asking(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        machine_new(round);
        run_natively(asking, sizeof(asking) / sizeof(asking[0]));
        struct machine_seen native = seen;
        seen = (struct machine_seen){0};
        machine.data->absent[machine.data->absent_count++] = (struct wedge_ports){0x300, 0x30f};
        add_msrs();
        machine_patch(GROUND_KVM, ~0ull, ALL);
        assert_int_equal(machine.counts.doubtful + machine.counts.no_room, 0);
        for (unsigned i = 0; i < CASES; i++)
            assert_non_null(machine_target(cases[i].code));
        run_and_compare(round);
        assert_true(seen.writes == native.writes);
        assert_int_equal(seen.delays, 0);
        assert_true(native.delays > 0 && seen.faults < native.faults);
    }
}

/* What a hypervisor takes back is native from then on, and only that. */
static void test_trap(void **state)
{
    (void)state;
    machine_new(3);
    run_natively(asking, sizeof(asking) / sizeof(asking[0]));
    unsigned faults = seen.faults;
    machine.data->absent[machine.data->absent_count++] = (struct wedge_ports){0x300, 0x30f};
    add_msrs();
    machine_patch(GROUND_KVM, ~0ull, ALL);
    machine.data->trap = ALL;
    seen = (struct machine_seen){0};
    for (unsigned i = 0; i < CASES; i++) {
        struct machine_cpu cpu = cases[i].in;
        machine_run(cases[i].code, &cpu);
        machine_cpu_same(&cases[i].native, &cpu);
    }
    assert_int_equal(seen.faults, faults);
    assert_int_equal(machine.data->cpuid_count, 0);
    machine.data->trap = WEDGE_RDMSR | WEDGE_CPUID;
    seen = (struct machine_seen){0};
    for (unsigned i = 0; i < CASES; i++)
        machine_run(cases[i].code, &cases[i].in);
    assert_int_equal(seen.delays, 0);
    assert_int_equal(machine.data->cpuid_count, 0);
}

static void test_counting(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        machine_new(round);
        run_natively(counted, sizeof(counted) / sizeof(counted[0]));
        struct machine_seen native = seen;
        seen = (struct machine_seen){0};
        machine_patch(GROUND_COUNT, ~0ull, 0);
        assert_int_equal(machine.data->counter_count, CASES);
        for (unsigned i = 0; i < CASES; i++)
            cases[i].handled = false;
        run_and_compare(round);
        assert_int_equal(seen.faults, native.faults);
        for (unsigned i = 0; i < CASES; i++) {
            const struct wedge_counter *counter = &machine.data->counters[i];
            assert_int_equal(counter->count, 1);
            assert_int_equal(counter->kind, cases[i].form.kind);
            assert_int_equal(counter->site, (uintptr_t)cases[i].code);
        }
        run_and_compare(round);
        for (unsigned i = 0; i < CASES; i++)
            assert_int_equal(machine.data->counters[i].count, 2);
    }
}

/* `sti` is executed where it was, padded as it may be, directly in front of what its shadow covers.
 */
static void test_sti_stays(void **state)
{
    (void)state;
    machine_new(1);
    uint8_t *spaced = machine_site(AFTERBURN_STI, "\xfb", 1, 6, 5);
    uint8_t *sti = machine_site(AFTERBURN_STI, "\x3e\x3e\x3e\x3e\xfb", 5, 5, 0);
    uint8_t *next = machine_site(AFTERBURN_HLT, "\xf4", 1, 5, 0);
    uint8_t *other = machine_site(AFTERBURN_HLT, "\xf4", 1, 5, 0);
    machine_patch(GROUND_COUNT, ~0ull, 0);
    assert_null(machine_target(spaced));
    assert_int_equal(spaced[5], 0xfb);
    assert_memory_equal(sti, "\x3e\x3e\x3e\x3e\xfb", 5);
    assert_int_equal(next[0], 0xf4);
    assert_non_null(machine_target(other));
    assert_int_equal(machine.counts.doubtful, 3);
}

static void test_left(void **state)
{
    (void)state;
    static const uint8_t lgdt[] = {0x0f, 0x01, 0x15, 0, 0, 0, 0}, in[] = {0xec};
    machine_new(1);
    machine_site(AFTERBURN_TABLE_LOAD, lgdt, 7, 7, 0); /* relative to RIP */
    machine_site(AFTERBURN_OUT, in, 1, 5, 0);          /* another instruction */
    machine_site(AFTERBURN_IN, in, 1, 4, 0);           /* small */
    machine_site(AFTERBURN_IN, in, 1, 6, 1);           /* padded in front */
    machine_site(AFTERBURN_STI, "\xfb", 1, 5, 4);      /* the jump would be over it */
    machine_site(AFTERBURN_RDMSR, "\x0f", 1, 5, 0);    /* cut off */
    machine_site(AFTERBURN_IN, in, 1, 5, 0);
    machine.sites[6].flags = AFTERBURN_IN_TABLE; /* and is not there */
    machine_site(AFTERBURN_IN, in, 1, 5, 0);
    machine.sites[7].flags = AFTERBURN_EXCLUDED;
    machine.sites[7].reason = AFTERBURN_REASON_VDSO;
    machine_site(AFTERBURN_IN, in, 1, 5, 0);
    machine.sites[8].flags = AFTERBURN_NO_STACK;
    machine.sites[8].reason = AFTERBURN_REASON_ENTRY;
    machine_site(AFTERBURN_CLI, "\xfa", 1, 5, 0); /* not of a kind that is asked for */
    uint8_t before[256];
    memcpy(before, machine.base, sizeof(before));
    machine_patch(GROUND_COUNT, ~(1ull << AFTERBURN_CLI), 0);
    assert_memory_equal(before, machine.base, sizeof(before));
    assert_int_equal(machine.counts.sites, 10);
    assert_int_equal(machine.counts.doubtful, 7);
    assert_int_equal(machine.counts.left[AFTERBURN_REASON_VDSO], 1);
    assert_int_equal(machine.counts.left[AFTERBURN_REASON_ENTRY], 1);
    assert_int_equal(machine.counts.native, 1);
}

/* The text area ends before the sites do: the rest stays, and what was made works. */
static void test_no_room(void **state)
{
    (void)state;
    machine_new(5);
    for (unsigned i = 0; i < MACHINE_SITES; i++)
        machine_site(AFTERBURN_CPUID, "\x0f\xa2", 2, 5, 0);
    machine.pack->text_area_size = 0x5000;
    machine_patch(GROUND_KVM, ~0ull, ALL);
    unsigned patched = machine.counts.patched[AFTERBURN_CPUID];
    assert_true(patched > 100);
    assert_int_equal(patched + machine.counts.no_room, MACHINE_SITES);
    assert_true(machine.counts.text_used <= 0x5000);
    for (unsigned i = 0x5000; i < 0x10000; i++)
        assert_int_equal(machine.base[MACHINE_TEXT + i], 0xcc);
    for (unsigned i = 0; i < MACHINE_SITES; i++)
        assert_true((machine_target(machine.base + 5 * i) != NULL) == (i < patched));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asking),   cmocka_unit_test(test_trap),
        cmocka_unit_test(test_counting), cmocka_unit_test(test_sti_stays),
        cmocka_unit_test(test_left),     cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
