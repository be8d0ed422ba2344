/* SPDX-License-Identifier: Apache-2.0 */
/* The tables made for VMs: whole, right in each field, and read back by acpi_read. */
#include "unit.h"

#include "firmware.h"

#define BUILD_GPA  0xe0000ull
#define BUILD_SIZE 0x10000u

static struct firmware firmware;
static struct machine machine;
static struct acpi_info info;
static uint8_t built[BUILD_SIZE];

/* What the VM would see: the built tables, and behind them the firmware's. */
static const void *guest_map(uint64_t address, uint64_t size)
{
    if (address < BUILD_GPA || address - BUILD_GPA > BUILD_SIZE ||
        size > BUILD_SIZE - (address - BUILD_GPA))
        return firmware_map(address, size);
    return built + (address - BUILD_GPA);
}

static void read_machine(void)
{
    uint64_t rsdp = firmware_four_nodes(&firmware);
    assert_true(acpi_read(rsdp, (apic_id_t){1}, firmware_map, &info, &machine, NULL, 0));
}

/* Cores 2, 3 and 1 of the four-node machine (APIC ids 4, 300, 0) in this order, on two nodes. */
static struct placement placement_make(void)
{
    struct placement place = {.placed = true, .boot_cpu = 2, .spans = true, .extent_count = 2};
    cpu_set_add(&place.cpus, 1);
    cpu_set_add(&place.cpus, 2);
    cpu_set_add(&place.cpus, 3);
    place.extents[0] = (struct place_extent){{0x100000000}, {0}, 64 * MIB, 2};
    place.extents[1] = (struct place_extent){{0x40000000}, {64 * MIB}, 32 * MIB, 1};
    return place;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

/* The table that the built XSDT lists under SIGNATURE, with its checksum right; or NULL. */
static const uint8_t *built_table(const char *signature)
{
    const uint8_t *xsdt = guest_map(get64(built + 24), 36);
    for (uint32_t at = 36; at < get32(xsdt + 4); at += 8) {
        const uint8_t *table = guest_map(get64(xsdt + at), 36);
        assert_non_null(table);
        if (memcmp(table, signature, 4) != 0)
            continue;
        table = guest_map(get64(xsdt + at), get32(table + 4));
        assert_non_null(table);
        assert_int_equal(sum_of(table, get32(table + 4)), 0);
        return table;
    }
    return NULL;
}

static void expect_root(size_t used)
{
    assert_in_range(used, 36, BUILD_SIZE);
    assert_memory_equal(built, "RSD PTR ", 8);
    assert_int_equal(sum_of(built, 20), 0);
    assert_int_equal(sum_of(built, 36), 0);
    const uint8_t *xsdt = guest_map(get64(built + 24), 36);
    assert_memory_equal(xsdt, "XSDT", 4);
    assert_int_equal(sum_of(xsdt, get32(xsdt + 4)), 0);
    assert_int_equal(BUILD_GPA + used, get64(built + 24) + get32(xsdt + 4));
}

static void guest_fadt_is_hardware_reduced(void **state)
{
    struct placement place = placement_make();
    (void)state;
    read_machine();
    expect_root(acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA}));
    const uint8_t *fadt = built_table("FACP");
    assert_non_null(fadt);
    assert_int_equal(get32(fadt + 4), 276);
    assert_int_equal(fadt[8], 6);
    assert_memory_equal(fadt + 10, "MULLIOMULLION ", 14);
    assert_int_equal(get32(fadt + 112), 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 10 | 1 << 19 | 1 << 20);
    assert_int_equal(get32(fadt + 109) & 0xffff, 0x24);
    assert_int_equal(get64(fadt + 116), 0x00000cf901000801);
    assert_int_equal(fadt[128], 6);
    assert_int_equal(get32(fadt + 244), 0x01000801);
    assert_int_equal(get64(fadt + 248), GUEST_PORT_SLEEP_CONTROL);
    assert_int_equal(get64(fadt + 260), GUEST_PORT_SLEEP_STATUS);
    assert_int_equal(get32(fadt + 48), 0);
    assert_int_equal(get32(fadt + 40), get64(fadt + 140));
    const uint8_t *dsdt = guest_map(get64(fadt + 140), 36);
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(sum_of(dsdt, get32(dsdt + 4)), 0);
    firmware_unmap();
}

static void guest_tables_name_its_cores(void **state)
{
    static const uint32_t ids[] = {4, 0, 300};
    struct placement place = placement_make();
    struct machine seen;
    struct acpi_info guest;
    (void)state;
    read_machine();
    assert_true(acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA}) > 0);
    assert_true(acpi_read(BUILD_GPA, (apic_id_t){4}, guest_map, &guest, &seen, NULL, 0));
    assert_int_equal(seen.cpu_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen.cpus[i].apic_id.v, ids[i]);
        assert_int_equal(seen.cpus[i].acpi_uid, i);
    }
    assert_int_equal(guest.s5_type_a, GUEST_S5_TYPE);
    assert_int_equal(guest.reset_port, GUEST_PORT_RESET);
    assert_int_equal(guest.ioapic_count, 0);
    const uint8_t *madt = built_table("APIC");
    assert_int_equal(get32(madt + 36), 0xfee00000);
    assert_int_equal(get32(madt + 40), 0);
    assert_int_equal(madt[44], 0); /* the boot core, of type 0, comes first */
    assert_int_equal(madt[47], 4);
    assert_int_equal(madt[60], 9); /* id 300 needs type 9 */
    firmware_unmap();
}

/* Behind its own cores those that it may get, as stock Linux numbers them. */
static void guest_is_told_of_cores_to_come(void **state)
{
    static const uint32_t ids[] = {4, 300, 0};
    struct placement place = placement_make();
    struct machine seen;
    struct acpi_info guest;
    (void)state;
    read_machine();
    cpu_set_remove(&place.cpus, 1);
    cpu_set_add(&place.may, 1);
    place.told = place.cpus;
    assert_true(acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA}) > 0);
    assert_true(acpi_read(BUILD_GPA, (apic_id_t){4}, guest_map, &guest, &seen, NULL, 0));
    assert_int_equal(seen.cpu_count, 3);
    for (cpu_id_t i = 0; i < 3; i++) {
        assert_int_equal(seen.cpus[i].apic_id.v, ids[i]);
        assert_int_equal(seen.cpus[i].acpi_uid, i);
    }
    for (cpu_id_t core = 1; core < 4; core++)
        assert_int_equal(seen.cpus[place_number(&place, core)].apic_id.v,
                         machine.cpus[core].apic_id.v);
    firmware_unmap();
}

static void guest_that_spans_gets_nodes(void **state)
{
    struct placement place = placement_make();
    struct machine seen;
    struct acpi_info guest;
    (void)state;
    read_machine();
    assert_true(acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA}) > 0);
    assert_true(acpi_read(BUILD_GPA, (apic_id_t){4}, guest_map, &guest, &seen, NULL, 0));
    assert_int_equal(seen.node_count, 3); /* the machine's nodes 1, 2 and 3 */
    assert_int_equal(seen.node_domain[2], 2);
    assert_int_equal(seen.cpus[0].node, 1);
    assert_int_equal(seen.cpus[1].node, 0);
    assert_int_equal(seen.cpus[2].node, 2);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            assert_int_equal(seen.distance[i][j], machine.distance[i + 1][j + 1]);
    }
    seen.ram[0] = (struct machine_range){{0}, 96 * MIB, 0};
    seen.ram_count = 1;
    acpi_assign_nodes(&guest, guest_map, &seen);
    assert_int_equal(seen.ram_count, 2);
    assert_int_equal(seen.ram[0].size, 64 * MIB);
    assert_int_equal(seen.ram[0].node, 1);
    assert_int_equal(seen.ram[1].node, 0);

    place.spans = false;
    assert_true(acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA}) > 0);
    assert_null(built_table("SRAT"));
    assert_null(built_table("SLIT"));
    firmware_unmap();
}

static void service_tables_are_the_firmwares_cut_down(void **state)
{
    struct placement place = placement_make();
    struct machine seen;
    struct acpi_info service;
    (void)state;
    read_machine();
    expect_root(acpi_build_service(&info, firmware_map, &machine, &place, built, BUILD_SIZE,
                                   (gpa_t){BUILD_GPA}));
    assert_true(acpi_read(BUILD_GPA, (apic_id_t){4}, guest_map, &service, &seen, NULL, 0));
    assert_int_equal(seen.cpu_count, 3);
    static const uint32_t ids[] = {4, 0, 300}, uids[] = {9, 7, 400}, domains[] = {5, 2, 300};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen.cpus[i].apic_id.v, ids[i]);
        assert_int_equal(seen.cpus[i].acpi_uid, uids[i]);
        assert_int_equal(seen.node_domain[seen.cpus[i].node], domains[i]);
    }
    assert_int_equal(service.ioapic_count, 2);
    assert_int_equal(service.smi_command, 0);
    assert_int_equal(service.acpi_enable, 0);
    assert_int_equal(service.pm1a_control, 0x604);
    assert_int_equal(service.s5_type_a, 7);
    assert_int_equal(service.dsdt, info.dsdt);
    assert_int_equal(service.mcfg, info.mcfg);
    assert_int_equal(service.slit, info.slit);
    assert_non_null(built_table("WAET"));
    assert_null(built_table("DMAR"));
    assert_null(built_table("HEST"));
    firmware_unmap();
}

/* IO-APICs, the override, the NMI of all cores and of UID 9; nothing of other cores. */
static void service_madt_keeps_what_is_shared(void **state)
{
    struct placement place = placement_make();
    unsigned count[16] = {0};
    (void)state;
    read_machine();
    place.spans = false;
    cpu_set_remove(&place.cpus, 1);
    assert_true(acpi_build_service(&info, firmware_map, &machine, &place, built, BUILD_SIZE,
                                   (gpa_t){BUILD_GPA}) > 0);
    const uint8_t *madt = built_table("APIC");
    for (uint32_t at = 44; at < get32(madt + 4); at += madt[at + 1])
        count[madt[at] & 15]++;
    assert_int_equal(get32(madt + 40), 1);
    assert_int_equal(count[0], 1);
    assert_int_equal(count[9], 1);
    assert_int_equal(count[1], 2);
    assert_int_equal(count[2], 1);
    assert_int_equal(count[4], 2);
    assert_null(built_table("SRAT"));
    assert_null(built_table("SLIT"));

    place.boot_cpu = 3;
    cpu_set_remove(&place.cpus, 2);
    assert_true(acpi_build_service(&info, firmware_map, &machine, &place, built, BUILD_SIZE,
                                   (gpa_t){BUILD_GPA}) > 0);
    madt = built_table("APIC");
    memset(count, 0, sizeof(count));
    for (uint32_t at = 44; at < get32(madt + 4); at += madt[at + 1])
        count[madt[at] & 15]++;
    assert_int_equal(count[4], 1);
    assert_int_equal(count[0], 0);
    firmware_unmap();
}

static void service_tables_from_an_rsdt(void **state)
{
    struct placement place = placement_make();
    struct machine seen;
    struct acpi_info service;
    (void)state;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    for (unsigned i = 0; i < firmware.count; i++) {
        if (memcmp(firmware.bytes + firmware.tables[i], "XSDT", 4) == 0)
            firmware.bytes[firmware.tables[i] + 20] ^= 1;
    }
    assert_true(acpi_read(rsdp, (apic_id_t){1}, firmware_map, &info, &machine, NULL, 0));
    expect_root(acpi_build_service(&info, firmware_map, &machine, &place, built, BUILD_SIZE,
                                   (gpa_t){BUILD_GPA}));
    assert_true(acpi_read(BUILD_GPA, (apic_id_t){4}, guest_map, &service, &seen, NULL, 0));
    assert_int_equal(seen.cpu_count, 3);
    assert_int_equal(service.hpet, info.hpet);
    firmware_unmap();
}

/* Each size that is too small gives 0, and no byte behind it is touched. */
static void a_small_buffer_is_said_so(void **state)
{
    struct placement place = placement_make();
    (void)state;
    read_machine();
    size_t guest = acpi_build_guest(&machine, &place, built, BUILD_SIZE, (gpa_t){BUILD_GPA});
    size_t service = acpi_build_service(&info, firmware_map, &machine, &place, built, BUILD_SIZE,
                                        (gpa_t){BUILD_GPA});
    for (size_t size = 0; size <= guest || size <= service; size++) {
        uint8_t *buffer = malloc(size != 0 ? size : 1);
        assert_int_equal(acpi_build_guest(&machine, &place, buffer, size, (gpa_t){BUILD_GPA}),
                         size >= guest ? guest : 0);
        assert_int_equal(acpi_build_service(&info, firmware_map, &machine, &place, buffer, size,
                                            (gpa_t){BUILD_GPA}),
                         size >= service ? service : 0);
        free(buffer);
        firmware_unmap();
        read_machine();
    }
    firmware_unmap();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_fadt_is_hardware_reduced),
        cmocka_unit_test(guest_tables_name_its_cores),
        cmocka_unit_test(guest_is_told_of_cores_to_come),
        cmocka_unit_test(guest_that_spans_gets_nodes),
        cmocka_unit_test(service_tables_are_the_firmwares_cut_down),
        cmocka_unit_test(service_madt_keeps_what_is_shared),
        cmocka_unit_test(service_tables_from_an_rsdt),
        cmocka_unit_test(a_small_buffer_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
