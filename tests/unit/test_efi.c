/* SPDX-License-Identifier: Apache-2.0 */
/* The EFI memory map: what the service VM's says, and maps that are refused. */
#include "unit.h"

#include "lib/string.h"
#include "x86/boot/efi.h"

#define STRIDE 48u

enum { RESERVED, LOADER_CODE, LOADER_DATA, BOOT_CODE, BOOT_DATA, RUNTIME_CODE, RUNTIME_DATA };
#define CONVENTIONAL 7u
#define ACPI_RECLAIM 9u

/* A firmware's map of one page for each of these types, one behind the other. */
static size_t map_make(uint8_t *map, const uint32_t *types, unsigned count, uint32_t stride)
{
    memset(map, 0x5a, (size_t)count * stride);
    for (unsigned i = 0; i < count; i++) {
        struct efi_descriptor one = {types[i], 0, i * 4096ull, 0, 1, 0x800000000000000full};
        memcpy(map + (size_t)i * stride, &one, sizeof(one));
    }
    return (size_t)count * stride;
}

static struct efi_descriptor map_at(const uint8_t *map, unsigned index)
{
    struct efi_descriptor one;
    memcpy(&one, map + (size_t)index * STRIDE, sizeof(one));
    return one;
}

static void ram_is_the_vms_and_the_rest_the_firmwares(void **state)
{
    static const uint32_t types[] = {BOOT_CODE,    CONVENTIONAL, RUNTIME_CODE, LOADER_DATA,
                                     RUNTIME_DATA, ACPI_RECLAIM, BOOT_DATA,    LOADER_CODE};
    static struct efi_firmware efi;
    struct e820_map e820 = {.count = 0};
    uint8_t map[16 * STRIDE], made[16 * STRIDE];
    (void)state;
    assert_true(e820_set(&e820, 0x1000, 0x9e800, E820_RAM));
    assert_true(e820_set(&e820, MIB, 5 * MIB, E820_RAM));
    assert_true(e820_set(&e820, 6 * MIB, MIB, E820_ACPI));
    assert_true(efi_read_map(&efi, map, map_make(map, types, 8, STRIDE), STRIDE, 1));
    assert_int_equal(efi.count, 3);
    assert_int_equal(efi_write_map(&efi, &e820, made, sizeof(made)), 0);
    efi.system_table = 0x7f000000;
    assert_int_equal(efi_write_map(&efi, &e820, made, sizeof(made)), 5 * STRIDE);
    assert_int_equal(map_at(made, 0).type, RUNTIME_CODE);
    assert_int_equal(map_at(made, 0).physical, 2 * 4096);
    assert_true(map_at(made, 0).attributes == 0x800000000000000full);
    assert_int_equal(map_at(made, 1).type, RUNTIME_DATA);
    assert_int_equal(map_at(made, 2).type, ACPI_RECLAIM);
    assert_int_equal(map_at(made, 3).type, CONVENTIONAL);
    assert_int_equal(map_at(made, 3).physical, 0x1000);
    assert_int_equal(map_at(made, 3).pages, 0x9e);
    assert_int_equal(map_at(made, 4).physical, MIB);
    assert_int_equal(map_at(made, 4).pages, 5 * MIB / 4096);
}

static void a_buffer_that_is_too_small_gets_no_map(void **state)
{
    static const uint32_t types[] = {RUNTIME_CODE, RUNTIME_DATA, RESERVED};
    static struct efi_firmware efi;
    const struct e820_map e820 = {.count = 1, .entries = {{0, MIB, E820_RAM}}};
    uint8_t map[4 * STRIDE], made[4 * STRIDE];
    (void)state;
    assert_true(efi_read_map(&efi, map, map_make(map, types, 3, STRIDE), STRIDE, 1));
    efi.system_table = 1;
    memset(made, 0x77, sizeof(made));
    assert_int_equal(efi_write_map(&efi, &e820, made, sizeof(made) - 1), 0);
    assert_int_equal(made[sizeof(made) - 1], 0x77);
    assert_int_equal(efi_write_map(&efi, &e820, made, sizeof(made)), sizeof(made));
}

static void maps_of_another_form_are_refused(void **state)
{
    static uint32_t types[EFI_KEPT_MAX + 1]; /* all reserved */
    static struct efi_firmware efi;
    static uint8_t map[(EFI_KEPT_MAX + 1) * STRIDE];
    size_t size = map_make(map, types, ARRAY_SIZE(types), STRIDE);
    (void)state;
    assert_false(efi_read_map(&efi, map, size, STRIDE, 1));
    assert_int_equal(efi.count, 0);
    assert_true(efi_read_map(&efi, map, size - 1, STRIDE, 1));
    assert_int_equal(efi.count, EFI_KEPT_MAX);
    assert_false(efi_read_map(&efi, map, size, sizeof(struct efi_descriptor) - 1, 1));
    assert_false(efi_read_map(&efi, map, size, 0, 1));
    assert_false(efi_read_map(&efi, map, size, 1u << 31, 1));
    assert_false(efi_read_map(&efi, map, 0, STRIDE, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ram_is_the_vms_and_the_rest_the_firmwares),
        cmocka_unit_test(a_buffer_that_is_too_small_gets_no_map),
        cmocka_unit_test(maps_of_another_form_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
