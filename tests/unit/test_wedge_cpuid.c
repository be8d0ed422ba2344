/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID from the wedge's cache against the processor's own. */
#include "wedge_machine.h"

static uint8_t *site;

struct answer {
    uint32_t eax, ebx, ecx, edx;
};

static struct answer ask_natively(uint32_t leaf, uint32_t subleaf)
{
    struct answer answer;
    __asm__ volatile("cpuid"
                     : "=a"(answer.eax), "=b"(answer.ebx), "=c"(answer.ecx), "=d"(answer.edx)
                     : "a"(leaf), "c"(subleaf));
    return answer;
}

/* The upper halves of the registers are gone after it, all others stay. */
static struct answer ask(uint32_t leaf, uint32_t subleaf)
{
    struct machine_cpu cpu, after;
    machine_cpu_random(&cpu);
    cpu.r[RAX] = (cpu.r[RAX] & ~0xffffffffull) | leaf;
    cpu.r[RCX] = (cpu.r[RCX] & ~0xffffffffull) | subleaf;
    after = cpu;
    machine_run(site, &after);
    struct answer answer = {(uint32_t)after.r[RAX], (uint32_t)after.r[RBX], (uint32_t)after.r[RCX],
                            (uint32_t)after.r[RDX]};
    cpu.r[RAX] = answer.eax;
    cpu.r[RBX] = answer.ebx;
    cpu.r[RCX] = answer.ecx;
    cpu.r[RDX] = answer.edx;
    cpu.r[RSP] = 0;
    machine_cpu_same(&cpu, &after);
    return answer;
}

static void start(bool linux)
{
    machine_new(7);
    site = machine_site(AFTERBURN_CPUID, "\x0f\xa2", 2, 5, 0);
    machine_end();
    if (linux)
        machine_symbol((struct afterburn_symbol){.id = AFTERBURN_PER_CPU_OFFSET, .size = 512});
    machine_patch(GROUND_KVM, ~0ull, WEDGE_CPUID);
    assert_true((machine.data->classes & WEDGE_CPUID) != 0);
}

static void same(uint32_t leaf, uint32_t subleaf)
{
    struct answer native = ask_natively(leaf, subleaf), cached = ask(leaf, subleaf);
    if (memcmp(&native, &cached, sizeof(native)) != 0)
        fail_msg("leaf %x, %u: %x %x %x %x, natively %x %x %x %x", leaf, subleaf, cached.eax,
                 cached.ebx, cached.ecx, cached.edx, native.eax, native.ebx, native.ecx,
                 native.edx);
}

static const struct wedge_cpuid *kept(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < machine.data->cpuid_count; i++)
        if (machine.data->cpuids[i].leaf == leaf && machine.data->cpuids[i].subleaf == subleaf)
            return &machine.data->cpuids[i];
    return NULL;
}

static void all_leaves(bool linux)
{
    static const uint32_t firsts[] = {0, 0x40000000, 0x40000100, 0x80000000, 0xc0000000};
    start(linux);
    for (unsigned pass = 0; pass < 3; pass++)
        for (unsigned i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
            for (uint32_t leaf = firsts[i]; leaf < firsts[i] + 0x28; leaf++)
                for (uint32_t subleaf = 0; subleaf < 4; subleaf++)
                    same(leaf, subleaf);
    assert_true(machine.data->cpuid_count <= WEDGE_CPUIDS);
}

static void test_all_leaves(void **state)
{
    (void)state;
    all_leaves(false);
    all_leaves(true);
}

/* The second answer is the kept one, until the hypervisor wants to see it. */
static void test_kept(void **state)
{
    (void)state;
    start(true);
    ask(0, 0);
    struct answer native = ask(2, 0);
    assert_int_equal(machine.data->cpuid_count, 2);
    machine.data->cpuids[1].ebx ^= 0x12345;
    assert_int_equal(ask(2, 0).ebx, native.ebx ^ 0x12345);
    machine.data->trap = WEDGE_CPUID;
    assert_int_equal(ask(2, 0).ebx, native.ebx);
}

/* What differs by core, or changes, is never kept for all; of a guest that shows no core, not at
 * all. */
static void test_never_for_all(void **state)
{
    (void)state;
    static const uint32_t by_core[] = {1, 7, 0xb, 0x1f, 0x8000001e};
    start(false);
    ask(0, 0);
    ask(0x80000000, 0);
    for (unsigned i = 0; i < sizeof(by_core) / sizeof(by_core[0]); i++) {
        same(by_core[i], 0);
        assert_null(kept(by_core[i], 0));
    }
    start(true);
    ask(0, 0);
    ask(0x80000000, 0);
    for (unsigned i = 0; i < sizeof(by_core) / sizeof(by_core[0]); i++) {
        same(by_core[i], 0);
        same(by_core[i], 0);
        assert_true(kept(by_core[i], 0) == NULL || kept(by_core[i], 0)->core != 0);
    }
    same(0xd, 0);
    same(0xd, 1);
    assert_null(kept(0xd, 0));
    assert_null(kept(0xd, 1));
}

/* The guest must not change its core between the look at which it is and the answer. */
static void test_no_change_of_core(void **state)
{
    (void)state;
    start(true);
    ask(0, 0);
    ask(2, 0);
    assert_int_equal(seen.interrupts_off, 0);
    ask(1, 0);
    assert_int_equal(seen.interrupts_off, 1);
}

/* Another core's answer is not this one's. */
static void test_other_core(void **state)
{
    (void)state;
    start(true);
    ask(0, 0);
    machine.data->cpuids[machine.data->cpuid_count++] =
        (struct wedge_cpuid){.core = 0xffff800012345000, .leaf = 0xb, .edx = 0xbad};
    machine.data->cpuids[machine.data->cpuid_count++] =
        (struct wedge_cpuid){.core = 0xffff800012345000, .leaf = 1, .ebx = 0xbad};
    same(0xb, 0);
    same(1, 0);
}

/* Beyond the last leaf there is nothing to be relied on. */
static void test_beyond(void **state)
{
    (void)state;
    start(true);
    ask(2, 0);
    assert_int_equal(machine.data->cpuid_count, 0); /* the last one is not known yet */
    uint32_t last = ask(0, 0).eax;
    ask(last + 1, 0);
    assert_null(kept(last + 1, 0));
    machine.data->cpuids[0].eax = 1;
    ask(2, 0);
    assert_null(kept(2, 0));
}

/* Linux asks for 256 places where a hypervisor could show itself. */
static void test_void(void **state)
{
    (void)state;
    start(true);
    machine.data->cpuid_void = 0x40000200;
    for (uint32_t leaf = 0x40000200; leaf < 0x40010000; leaf += 0x100)
        same(leaf, 0);
    assert_int_equal(machine.data->cpuid_count, 1);
    machine.data->cpuids[0].eax ^= 1;
    assert_int_equal(ask(0x40005600, 0).eax, ask_natively(0x40000200, 0).eax ^ 1);
    same(0x40010000, 0); /* nobody looks there, and a processor may answer */
}

static void test_locked_and_full(void **state)
{
    (void)state;
    start(true);
    machine.data->lock = 1;
    same(0, 0);
    assert_int_equal(machine.data->cpuid_count, 0);
    machine.data->lock = 0;
    for (unsigned i = 0; i < WEDGE_CPUIDS; i++)
        machine.data->cpuids[machine.data->cpuid_count++].leaf = 0x12345678;
    struct wedge_data before = *machine.data;
    same(0, 0);
    same(4, 1);
    assert_memory_equal(&before, machine.data, sizeof(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_leaves),      cmocka_unit_test(test_kept),
        cmocka_unit_test(test_never_for_all),   cmocka_unit_test(test_other_core),
        cmocka_unit_test(test_beyond),          cmocka_unit_test(test_void),
        cmocka_unit_test(test_locked_and_full), cmocka_unit_test(test_no_change_of_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
