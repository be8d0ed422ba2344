/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory by guest-physical address, and the e820 map. */
#include "boot_vm.h"

static uint64_t seed = 5;

static void memory_crosses_extents(void **state)
{
    struct vm vm;
    uint8_t data[64];
    (void)state;
    vm_open(&vm, 4 * MIB);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    assert_true(guest_write(&vm.request.memory, (gpa_t){2 * MIB - 20}, data, sizeof(data)));
    vm_expect(&vm, 2 * MIB - 20, data, sizeof(data));
    assert_null(guest_pointer(&vm.request.memory, (gpa_t){2 * MIB - 20}, sizeof(data)));
    assert_true(guest_clear(&vm.request.memory, (gpa_t){2 * MIB - 1}, 2));
    assert_int_equal(*(uint8_t *)vm_at(&vm, 2 * MIB - 1, 1), 0);
    assert_int_equal(*(uint8_t *)vm_at(&vm, 2 * MIB, 1), 0);
    assert_int_equal(*(uint8_t *)vm_at(&vm, 2 * MIB + 1, 1), 21);
    vm_close(&vm);
}

static void memory_refuses_what_is_no_ram(void **state)
{
    struct vm vm;
    uint8_t data[64] = {0};
    (void)state;
    vm_open(&vm, 4 * MIB);
    struct guest_memory *memory = &vm.request.memory;
    assert_false(guest_write(memory, (gpa_t){4 * MIB - 63}, data, sizeof(data)));
    assert_int_equal(*(uint8_t *)vm_at(&vm, 4 * MIB - 1, 1), 0xa5);
    assert_false(guest_clear(memory, (gpa_t){4 * MIB - 1}, 2));
    assert_false(guest_clear(memory, (gpa_t){0}, UINT64_MAX));
    assert_false(guest_write(memory, (gpa_t){UINT64_MAX - 3}, data, sizeof(data)));
    assert_null(guest_pointer(memory, (gpa_t){4 * MIB}, 1));
    assert_null(guest_pointer(memory, (gpa_t){3 * MIB}, UINT64_MAX));
    vm_close(&vm);
}

static void e820_merges_and_splits(void **state)
{
    struct e820_map map = {.count = 0};
    (void)state;
    assert_true(e820_set(&map, 0x3000, 0x1000, E820_RAM));
    assert_true(e820_set(&map, 0x1000, 0x1000, E820_RAM));
    assert_int_equal(map.count, 2);
    assert_true(e820_set(&map, 0x2000, 0x1000, E820_RAM));
    assert_int_equal(map.count, 1);
    assert_true(e820_set(&map, 0x2000, 0x800, E820_RESERVED));
    assert_int_equal(map.count, 3);
    assert_int_equal(map.entries[1].base, 0x2000);
    assert_int_equal(map.entries[2].base, 0x2800);
    assert_int_equal(map.entries[2].size, 0x1800);
    assert_true(e820_set(&map, 0, 0, E820_ACPI));
    assert_int_equal(map.count, 3);
    assert_false(e820_set(&map, UINT64_MAX - 5, 7, E820_RAM));
}

/* Against a map with one byte for each unit. */
static void e820_agrees_with_a_plain_array(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct e820_map map = {.count = 0};
        uint8_t model[64] = {0};
        for (unsigned step = 0; step < 20; step++) {
            uint64_t base = unit_random(&seed) % 64, size = unit_random(&seed) % (65 - base);
            uint8_t type = (uint8_t)(1 + unit_random(&seed) % 4);
            assert_true(e820_set(&map, base, size, type));
            memset(model + base, type, size);
        }
        uint64_t at = 0;
        for (unsigned i = 0; i < map.count; i++) {
            for (; at < map.entries[i].base; at++)
                assert_int_equal(model[at], 0);
            for (; at < map.entries[i].base + map.entries[i].size; at++)
                assert_int_equal(model[at], map.entries[i].type);
            if (i > 0 && map.entries[i - 1].type == map.entries[i].type)
                assert_true(map.entries[i - 1].base + map.entries[i - 1].size <
                            map.entries[i].base);
        }
        for (; at < 64; at++)
            assert_int_equal(model[at], 0);
    }
}

static void e820_full_map_stays_as_it_is(void **state)
{
    struct e820_map map = {.count = 0}, before;
    (void)state;
    for (unsigned i = 0; i < E820_MAX; i++)
        assert_true(e820_set(&map, i * 0x2000ull, 0x1000, E820_RAM));
    before = map;
    assert_false(e820_set(&map, E820_MAX * 0x2000ull, 0x1000, E820_RAM));
    assert_false(e820_set(&map, 0x400, 0x400, E820_RESERVED));
    assert_memory_equal(&map, &before, sizeof(map));
    assert_true(e820_set(&map, 0x2000, 0x1000, E820_RESERVED));
    assert_true(e820_set(&map, 0, 0x100000, E820_NVS));
    assert_int_equal(map.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_crosses_extents),
        cmocka_unit_test(memory_refuses_what_is_no_ram),
        cmocka_unit_test(e820_merges_and_splits),
        cmocka_unit_test(e820_agrees_with_a_plain_array),
        cmocka_unit_test(e820_full_map_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
