/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the firmware's tables: a machine of four nodes, older tables, what is missing. */
#include "unit.h"

#include "firmware.h"

static struct firmware firmware;
static struct machine machine;
static struct acpi_info info;
static char warning[500];

static bool read_tables(uint64_t rsdp, uint32_t bsp)
{
    memset(&machine, 0, sizeof(machine));
    bool good =
        acpi_read(rsdp, (apic_id_t){bsp}, firmware_map, &info, &machine, warning, sizeof(warning));
    firmware_unmap();
    return good;
}

static void cores_come_with_the_bsp_first(void **state)
{
    static const uint32_t ids[] = {1, 0, 4, 300, 301}, uids[] = {8, 7, 9, 400, 401};
    static const uint32_t nodes[] = {1, 1, 2, 3, 3};
    (void)state;
    assert_true(read_tables(firmware_four_nodes(&firmware), 1));
    assert_string_equal(warning, "");
    assert_int_equal(machine.cpu_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(machine.cpus[i].apic_id.v, ids[i]);
        assert_int_equal(machine.cpus[i].acpi_uid, uids[i]);
        assert_int_equal(machine.cpus[i].node, nodes[i]);
        assert_int_equal(machine.cpus[i].core_id, ids[i]);
    }
}

static void nodes_are_dense_in_order_of_domain(void **state)
{
    static const uint32_t domains[] = {0, 2, 5, 300};
    (void)state;
    assert_true(read_tables(firmware_four_nodes(&firmware), 1));
    assert_int_equal(machine.node_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(machine.node_domain[i], domains[i]);
        assert_int_equal(machine.distance[i][i], 10);
    }
    assert_int_equal(machine.distance[0][1], 22); /* domains 0 and 2 */
    assert_int_equal(machine.distance[2][1], 27);
    assert_int_equal(machine.distance[3][0], 20); /* the SLIT ends before 300 */
}

static void facts_of_the_fixed_hardware(void **state)
{
    (void)state;
    assert_true(read_tables(firmware_four_nodes(&firmware), 1));
    assert_int_equal(info.pm1a_event, 0x600);
    assert_int_equal(info.pm1a_control, 0x604);
    assert_int_equal(info.pm1b_control, 0);
    assert_int_equal(info.pm_timer_port, 0x608);
    assert_true(info.pm_timer_32);
    assert_int_equal(info.smi_command, 0xb2);
    assert_int_equal(info.acpi_enable, 2);
    assert_true(info.reset_supported);
    assert_int_equal(info.reset_port, 0xcf9);
    assert_int_equal(info.reset_value, 0xf);
    assert_int_equal(info.s3_type, 1);
    assert_int_equal(info.s4_type, 6);
    assert_int_equal(info.s5_type_a, 7);
    assert_int_equal(info.s5_type_b, 0);
    assert_int_equal(info.ecam_base, 0xb0000000);
    assert_int_equal(info.ecam_bus_last, 0xff);
    assert_int_equal(info.ioapic_count, 2);
    assert_int_equal(info.ioapics[1].id, 4);
    assert_int_equal(info.ioapics[1].address, 0xfec10000);
    assert_int_equal(info.ioapics[1].gsi_base, 24);
    assert_int_not_equal(info.hpet, 0);
}

static void memory_is_cut_at_node_borders(void **state)
{
    static const struct {
        uint64_t base, size;
        uint32_t node;
    } expected[] = {
        {0, 0x9f000, 0},
        {0x100000, 0x3ff00000, 0},
        {0x40000000, 0x3ff00000, 1},
        {0x100000000, 0x40000000, 2},
        {0x140000000, 0x10000000, 0},
    };
    (void)state;
    assert_true(read_tables(firmware_four_nodes(&firmware), 1));
    machine.ram[0] = (struct machine_range){{0}, 0x9f000, 7};
    machine.ram[1] = (struct machine_range){{0x100000}, 0x7fe00000, 7};
    machine.ram[2] = (struct machine_range){{0x100000000}, 0x50000000, 7};
    machine.ram_count = 3;
    acpi_assign_nodes(&info, firmware_map, &machine);
    firmware_unmap();
    assert_int_equal(machine.ram_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(machine.ram[i].base.v, expected[i].base);
        assert_int_equal(machine.ram[i].size, expected[i].size);
        assert_int_equal(machine.ram[i].node, expected[i].node);
    }
}

/* With all ranges in use nothing is cut, and nothing is lost. */
static void memory_map_may_be_full(void **state)
{
    (void)state;
    assert_true(read_tables(firmware_four_nodes(&firmware), 1));
    for (unsigned i = 0; i < MAX_RANGES; i++)
        machine.ram[i] = (struct machine_range){{0x3ffff000 + i * 0x10000ull}, 0x3000, 0};
    machine.ram_count = MAX_RANGES;
    acpi_assign_nodes(&info, firmware_map, &machine);
    firmware_unmap();
    assert_int_equal(machine.ram_count, MAX_RANGES);
    assert_int_equal(machine.ram[0].size, 0x3000);
    assert_int_equal(machine.ram[0].node, 0);
    assert_int_equal(machine.ram[1].node, 1);
}

static uint32_t table_find(const char *signature)
{
    for (unsigned i = 0; i < firmware.count; i++) {
        if (memcmp(firmware.bytes + firmware.tables[i], signature, 4) == 0)
            return firmware.tables[i];
    }
    fail_msg("no table %s", signature);
    return 0;
}

static void without_srat_there_is_one_node(void **state)
{
    (void)state;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    firmware.bytes[table_find("SRAT") + 60] ^= 1; /* the checksum no longer fits */
    assert_true(read_tables(rsdp, 1));
    assert_non_null(strstr(warning, "damaged and ignored"));
    assert_int_equal(machine.node_count, 1);
    assert_int_equal(machine.cpus[3].node, 0);
    assert_int_equal(info.srat, 0);
    machine.ram[0] = (struct machine_range){{0x100000}, 0x7fe00000, 7};
    machine.ram_count = 1;
    acpi_assign_nodes(&info, firmware_map, &machine);
    assert_int_equal(machine.ram_count, 1);
    assert_int_equal(machine.ram[0].node, 0);
}

static void the_rsdt_helps_where_the_xsdt_is_damaged(void **state)
{
    (void)state;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    firmware.bytes[table_find("XSDT") + 20] ^= 1;
    assert_true(read_tables(rsdp, 1));
    assert_int_equal(machine.cpu_count, 5);
    assert_int_equal(info.xsdt, 0);
    assert_int_not_equal(info.rsdt, 0);
    firmware.bytes[table_find("RSDT") + 20] ^= 1;
    assert_false(read_tables(rsdp, 1));
    assert_non_null(strstr(warning, "XSDT and RSDT"));
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    assert_false(read_tables(rsdp, 77));
    assert_non_null(strstr(warning, "booting core, APIC id 77"));
    assert_false(read_tables(rsdp + 16, 1));
    assert_non_null(strstr(warning, "no RSDP"));
    firmware.bytes[table_find("APIC") + 40] ^= 4;
    assert_false(read_tables(rsdp, 1));
    assert_non_null(strstr(warning, "no usable MADT"));
    assert_false(acpi_read(rsdp, (apic_id_t){1}, firmware_map, &info, &machine, NULL, 0));
    firmware_unmap();
}

/* The BIOS area, as a map function of its own: the RSDP stands at F5AB0h, or in the EBDA. */
static uint64_t bios_rsdp;
static const uint8_t *bios_copy;

static const void *bios_map(uint64_t address, uint64_t size)
{
    static const uint16_t ebda = 0x9fc0;
    static uint8_t zero[64];
    if (address == 0x40e)
        return &ebda;
    if (address == bios_rsdp)
        return bios_copy;
    return address < MIB ? zero : firmware_map(address, size);
}

static void the_rsdp_is_found_in_low_memory(void **state)
{
    (void)state;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    bios_copy = firmware.bytes + (rsdp - FIRMWARE_BASE);
    static const uint64_t places[] = {0xf5ab0, 0x9fc10, 0xffff0, 0xe0000};
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        bios_rsdp = places[i];
        assert_true(acpi_read(0, (apic_id_t){1}, bios_map, &info, &machine, NULL, 0));
        assert_int_equal(info.rsdp, places[i]);
        firmware_unmap();
    }
    bios_rsdp = 0xdfff0;
    assert_false(acpi_read(0, (apic_id_t){1}, bios_map, &info, &machine, NULL, 0));
    firmware_unmap();
}

static void more_cores_than_we_can_use(void **state)
{
    (void)state;
    memset(&firmware, 0, sizeof(firmware));
    mapped_firmware = &firmware;
    uint32_t at = table_open(&firmware, "APIC", 3);
    put32(&firmware, 0xfee00000);
    put32(&firmware, 0);
    for (unsigned i = 0; i < MAX_CPUS + 4; i++)
        madt_x2apic(&firmware, i, i * 2, 1);
    uint64_t list[] = {table_close(&firmware, at)};
    assert_true(read_tables(firmware_root(&firmware, list, 1), 6));
    assert_int_equal(machine.cpu_count, MAX_CPUS);
    assert_int_equal(machine.cpus[0].apic_id.v, 6);
    assert_int_equal(machine.cpus[1].apic_id.v, 0);
    assert_int_equal(machine.cpus[4].apic_id.v, 8);
    assert_non_null(strstr(warning, "4 cores ignored"));
    assert_int_equal(info.s5_type_a, 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cores_come_with_the_bsp_first),
        cmocka_unit_test(nodes_are_dense_in_order_of_domain),
        cmocka_unit_test(facts_of_the_fixed_hardware),
        cmocka_unit_test(memory_is_cut_at_node_borders),
        cmocka_unit_test(memory_map_may_be_full),
        cmocka_unit_test(without_srat_there_is_one_node),
        cmocka_unit_test(the_rsdt_helps_where_the_xsdt_is_damaged),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(the_rsdp_is_found_in_low_memory),
        cmocka_unit_test(more_cores_than_we_can_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
