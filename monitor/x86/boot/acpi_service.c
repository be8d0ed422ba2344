/* SPDX-License-Identifier: Apache-2.0 */
/* The service VM's ACPI tables: the firmware's own, cut down by copy to the VM's cores and memory.
 */
#include "x86/boot/acpi_writer.h"

/*
 * What doesn't stay as it is: tables written anew, and IOMMUs and the machine's error and watchdog
 * hardware, which belong to the monitor, or to nobody.
 */
static const char tables_dropped[][5] = {"APIC", "FACP", "SRAT", "DMAR", "IVRS",
                                         "HEST", "BERT", "EINJ", "ERST", "WDAT"};

/* SLIT and HMAT describe nodes that a VM on one node doesn't see. */
static bool table_is_dropped(const uint8_t *table, bool spans)
{
    for (unsigned i = 0; i < ARRAY_SIZE(tables_dropped); i++) {
        if (memcmp(table, tables_dropped[i], 4) == 0)
            return true;
    }
    return !spans && (memcmp(table, "SLIT", 4) == 0 || memcmp(table, "HMAT", 4) == 0);
}

/* Does the firmware number a core of the VM so? UID FFh (or FFFFFFFFh) means all cores. */
static bool place_has_uid(const struct acpi_writer *writer, uint32_t uid, uint32_t all)
{
    for (cpu_id_t cpu = 0; cpu < writer->machine->cpu_count; cpu++) {
        if (writer->machine->cpus[cpu].acpi_uid == uid && cpu_set_has(&writer->place->cpus, cpu))
            return true;
    }
    return uid == all;
}

/* IO-APICs, overrides and NMI inputs stay; the cores are written anew, wake-up mailboxes go. */
static bool madt_keeps(const struct acpi_writer *writer, const struct acpi_table *entry)
{
    switch (acpi_get8(entry, 0)) {
    case MADT_IOAPIC:
    case MADT_OVERRIDE:
    case MADT_NMI_SOURCE:
    case MADT_ADDRESS:
        return true;
    case MADT_APIC_NMI:
        return entry->size >= 6 && place_has_uid(writer, acpi_get8(entry, 2), 0xff);
    case MADT_X2APIC_NMI:
        return entry->size >= 12 && place_has_uid(writer, acpi_get32(entry, 4), UINT32_MAX);
    default:
        return false;
    }
}

static void write_madt(struct acpi_writer *writer, uint64_t address, acpi_map_fn map)
{
    struct acpi_table madt, entry;
    uint32_t offset = MADT_ENTRIES;
    if (!acpi_table_map(address, map, &madt) || madt.size < MADT_ENTRIES)
        return;
    size_t start = acpi_table_copy(writer, madt.data, MADT_ENTRIES);
    acpi_write_cpus(writer);
    while (acpi_entry_next(&madt, &offset, &entry)) {
        if (madt_keeps(writer, &entry))
            acpi_write(writer, entry.data, entry.size);
    }
    acpi_table_end(writer, start);
}

/*
 * SMI_CMD 0 says that ACPI is on and stays on (5.2.9): the SMI port is the monitor's. Byte by byte,
 * since a table may end within a field.
 */
static void write_fadt(struct acpi_writer *writer, uint64_t address, acpi_map_fn map)
{
    struct acpi_table fadt;
    if (!acpi_table_map(address, map, &fadt))
        return;
    size_t start = acpi_table_copy(writer, fadt.data, fadt.size);
    for (size_t at = FADT_SMI_COMMAND; at < FADT_BLOCKS; at++) /* with the values to write there */
        acpi_put(writer, start + at, 0, 1);
    acpi_put(writer, start + FADT_CST_CONTROL, 0, 1);
    acpi_table_end(writer, start);
}

/* The tables that stay where and as they are. */
static void list_others(struct acpi_writer *writer, const struct acpi_table *root, acpi_map_fn map)
{
    for (unsigned i = 0; i < ROOT_MAX; i++) {
        uint64_t address = acpi_root_entry(root, i);
        const uint8_t *table = address != 0 ? map(address, ACPI_HEADER_SIZE) : NULL;
        if (table != NULL && !table_is_dropped(table, writer->place->spans))
            acpi_write_list(writer, address);
    }
}

size_t acpi_build_service(const struct acpi_info *info, acpi_map_fn map,
                          const struct machine *machine, const struct placement *place,
                          uint8_t *buffer, size_t size, gpa_t gpa)
{
    struct acpi_writer writer = {machine, place, false, buffer, size, gpa.v, .used = 0};
    struct acpi_table root;
    acpi_write(&writer, NULL, RSDP_SIZE_2);
    write_fadt(&writer, info->fadt, map);
    write_madt(&writer, info->madt, map);
    if (place->spans)
        acpi_write_srat(&writer);
    if (acpi_table_map(info->xsdt != 0 ? info->xsdt : info->rsdt, map, &root))
        list_others(&writer, &root, map);
    return acpi_write_finish(&writer);
}
