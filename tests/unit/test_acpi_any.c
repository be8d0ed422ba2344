/* SPDX-License-Identifier: Apache-2.0 */
/* Reading tables that are odd, short, too many, or garbage. */
#include "unit.h"

#include "firmware.h"

static struct firmware firmware;
static struct machine machine;
static struct acpi_info info;
static char warning[500];
static uint64_t seed = 3;

static bool read_tables(uint64_t rsdp, uint32_t bsp)
{
    memset(&machine, 0, sizeof(machine));
    bool good =
        acpi_read(rsdp, (apic_id_t){bsp}, firmware_map, &info, &machine, warning, sizeof(warning));
    firmware_unmap();
    return good;
}

/* A MADT of one core, id 6, to which a test adds. */
static uint32_t open_small(void)
{
    memset(&firmware, 0, sizeof(firmware));
    mapped_firmware = &firmware;
    uint32_t at = table_open(&firmware, "APIC", 3);
    put32(&firmware, 0xfee00000);
    put32(&firmware, 0);
    madt_apic(&firmware, 1, 6, 1);
    return at;
}

static void read_small(uint32_t madt, uint32_t srat)
{
    uint64_t list[] = {FIRMWARE_BASE + madt, FIRMWARE_BASE + srat};
    assert_true(read_tables(firmware_root(&firmware, list, srat != 0 ? 2 : 1), 6));
}

/* Entries whose length is too small for their type count for nothing, also at the table's end. */
static void short_entries_are_not_read(void **state)
{
    static const uint8_t types[] = {0, 1, 9};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        for (uint8_t size = 2; size < (types[i] == 0 ? 8 : types[i] == 1 ? 12 : 16); size++) {
            uint32_t at = open_small();
            put8(&firmware, types[i]);
            put8(&firmware, size);
            memset(firmware.bytes + firmware.used, 0x11, size - 2u);
            firmware.used += size - 2u;
            (void)table_close(&firmware, at);
            read_small(at, 0);
            assert_int_equal(machine.cpu_count, 1);
            assert_int_equal(info.ioapic_count, 0);
        }
    }
}

static void the_broadcast_id_is_no_core(void **state)
{
    (void)state;
    uint32_t at = open_small();
    madt_apic(&firmware, 2, 0xff, 1);
    madt_x2apic(&firmware, 3, UINT32_MAX, 1);
    madt_x2apic(&firmware, 4, 0xff, 1);
    (void)table_close(&firmware, at);
    read_small(at, 0);
    assert_int_equal(machine.cpu_count, 2);
    assert_int_equal(machine.cpus[1].acpi_uid, 4);
}

static void more_nodes_than_we_can_use(void **state)
{
    (void)state;
    uint32_t madt = open_small();
    (void)table_close(&firmware, madt);
    uint32_t srat = table_open(&firmware, "SRAT", 3);
    put_zero(&firmware, 12);
    for (uint32_t i = 0; i < MAX_NODES + 2; i++)
        srat_memory(&firmware, 100 - i, i * GIB, GIB, 1);
    srat_apic(&firmware, 100 - MAX_NODES, 6);
    (void)table_close(&firmware, srat);
    read_small(madt, srat);
    assert_non_null(strstr(warning, "more than 16 nodes"));
    assert_int_equal(machine.node_count, MAX_NODES);
    assert_int_equal(machine.node_domain[0], 101 - MAX_NODES);
    assert_int_equal(machine.node_domain[MAX_NODES - 1], 100);
    assert_int_equal(machine.cpus[0].node, 0);
}

/* Found by fuzzing: a FADT that ends in or behind its SMI command left it to the service VM. */
static void a_short_fadt_names_no_smi_port(void **state)
{
    static uint8_t buffer[4 * KIB];
    struct placement place = {.boot_cpu = 0};
    (void)state;
    cpu_set_add(&place.cpus, 0);
    for (uint32_t size = 49; size < 100; size++) {
        uint32_t madt = open_small();
        (void)table_close(&firmware, madt);
        uint32_t fadt = table_open(&firmware, "FACP", 3);
        put_zero(&firmware, size - 36);
        memset(firmware.bytes + fadt + 48, 0xb2, size - 48);
        (void)table_close(&firmware, fadt);
        read_small(madt, fadt);
        size_t used = acpi_build_service(&info, firmware_map, &machine, &place, buffer,
                                         sizeof(buffer), (gpa_t){MIB});
        firmware_unmap();
        assert_true(used > 0);
        const uint8_t *built = buffer + 48; /* behind the RSDP */
        assert_memory_equal(built, "FACP", 4);
        for (uint32_t at = 48; at < size && at < 56; at++)
            assert_int_equal(built[at], 0);
        assert_int_equal(size > 95 ? built[95] : 0, 0);
        assert_int_equal(size > 56 ? built[56] : 0xb2, 0xb2);
        assert_int_equal(sum_of(built, size), 0);
    }
}

/* Facts that hold whatever the tables say. */
static void expect_sane_machine(void)
{
    assert_in_range(machine.cpu_count, 1, MAX_CPUS);
    assert_int_equal(machine.cpus[0].apic_id.v, 1);
    assert_in_range(machine.node_count, 1, MAX_NODES);
    for (unsigned i = 0; i < machine.cpu_count; i++)
        assert_true(machine.cpus[i].node < machine.node_count);
    for (unsigned i = 1; i < machine.node_count; i++)
        assert_true(machine.node_domain[i - 1] < machine.node_domain[i]);
    assert_true(info.ioapic_count <= ACPI_IOAPICS_MAX);
    uint64_t total = 0;
    for (unsigned i = 0; i < machine.ram_count; i++) {
        assert_true(machine.ram[i].node < machine.node_count);
        assert_int_not_equal(machine.ram[i].size, 0);
        if (i > 0)
            assert_true(machine.ram[i].base.v >=
                        machine.ram[i - 1].base.v + machine.ram[i - 1].size);
        total += machine.ram[i].size;
    }
    assert_int_equal(total, 2 * GIB);
}

static void tables_may_hold_anything(void **state)
{
    struct placement place = {.boot_cpu = 0, .spans = true};
    static uint8_t buffer[16 * KIB];
    unsigned good = 0;
    (void)state;
    cpu_set_add(&place.cpus, 0);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t rsdp = firmware_four_nodes(&firmware);
        uint32_t rsdp_offset = (uint32_t)(rsdp - FIRMWARE_BASE);
        for (uint64_t i = unit_random(&seed) % 8; i < 8; i++)
            firmware.bytes[unit_random(&seed) % rsdp_offset] = (uint8_t)unit_random(&seed);
        for (unsigned i = 0; i < firmware.count && round % 8 != 0; i++)
            table_seal(&firmware, firmware.tables[i]);
        memset(&machine, 0, sizeof(machine));
        bool usable = acpi_read(rsdp, (apic_id_t){1}, firmware_map, &info, &machine, warning,
                                sizeof(warning));
        if (usable) {
            good++;
            machine.ram[0] = (struct machine_range){{0}, 2 * GIB, 0};
            machine.ram_count = 1;
            acpi_assign_nodes(&info, firmware_map, &machine);
            expect_sane_machine();
            assert_true(acpi_build_service(&info, firmware_map, &machine, &place, buffer,
                                           sizeof(buffer), (gpa_t){MIB}) > 0);
        }
        firmware_unmap();
    }
    assert_in_range(good, 5000, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_entries_are_not_read),
        cmocka_unit_test(the_broadcast_id_is_no_core),
        cmocka_unit_test(more_nodes_than_we_can_use),
        cmocka_unit_test(a_short_fadt_names_no_smi_port),
        cmocka_unit_test(tables_may_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
