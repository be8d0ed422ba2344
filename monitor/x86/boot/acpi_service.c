/* SPDX-License-Identifier: Apache-2.0 */
/* The service VM's ACPI tables: the firmware's own, cut down by copy to the VM's cores and memory.
 */
#include "x86/boot/acpi_writer.h"

#define ROOT_MAX 256u

/* IOMMUs and the machine's error and watchdog hardware belong to the monitor, or to nobody. */
static const char *const tables_dropped[] = {"DMAR", "IVRS", "HEST", "BERT",
                                             "EINJ", "ERST", "WDAT"};
/* These describe nodes that a VM on one node doesn't see. */
static const char *const tables_of_nodes[] = {"SLIT", "HMAT"};

static bool signature_is_in(const uint8_t *table, const char *const *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(table, list[i], 4) == 0)
            return true;
    }
    return false;
}

/* Does the firmware number a core of the VM so? UID FFh (or FFFFFFFFh) means all cores. */
static bool place_has_uid(const struct machine *machine, const struct placement *place,
                          uint32_t uid, uint32_t all)
{
    if (uid == all)
        return true;
    for (cpu_id_t cpu = 0; cpu < machine->cpu_count; cpu++) {
        if (machine->cpus[cpu].acpi_uid == uid && cpu_set_has(&place->cpus, cpu))
            return true;
    }
    return false;
}

/* IO-APICs, overrides and NMI inputs stay; the cores are written anew, wake-up mailboxes go. */
static bool madt_keeps(const struct acpi_entry *entry, const struct machine *machine,
                       const struct placement *place)
{
    switch (entry->type) {
    case MADT_IOAPIC:
    case MADT_OVERRIDE:
    case MADT_NMI_SOURCE:
    case MADT_ADDRESS:
        return true;
    case MADT_APIC_NMI:
        return entry->size >= 6 && place_has_uid(machine, place, entry->data[2], 0xff);
    case MADT_X2APIC_NMI:
        return entry->size >= 12 &&
               place_has_uid(machine, place, acpi_get32(entry->data + 4), UINT32_MAX);
    default:
        return false;
    }
}

static void write_madt(struct acpi_writer *writer, const struct acpi_info *info, acpi_map_fn map,
                       const struct machine *machine, const struct placement *place)
{
    struct acpi_table madt;
    struct acpi_entry entry;
    uint32_t offset = MADT_ENTRIES;
    if (!acpi_table_map(info->madt, map, &madt) || madt.size < MADT_ENTRIES)
        return;
    size_t start = acpi_table_copy(writer, madt.data, MADT_ENTRIES);
    acpi_write_cpus(writer, machine, place, false);
    while (acpi_entry_next(&madt, &offset, &entry)) {
        if (madt_keeps(&entry, machine, place))
            acpi_write(writer, entry.data, entry.size);
    }
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}

/* SMI_CMD 0 says that ACPI is on and stays on (5.2.9): the SMI port is the monitor's. */
static void write_fadt(struct acpi_writer *writer, const struct acpi_info *info, acpi_map_fn map)
{
    struct acpi_table fadt;
    if (!acpi_table_map(info->fadt, map, &fadt))
        return;
    size_t start = acpi_table_copy(writer, fadt.data, fadt.size);
    if (!writer->full && fadt.size > FADT_CST_CONTROL) {
        uint8_t *copy = writer->buffer + start;
        memset(copy + FADT_SMI_COMMAND, 0, sizeof(uint32_t));
        memset(copy + FADT_ACPI_ENABLE, 0, FADT_PSTATE_CONTROL + 1 - FADT_ACPI_ENABLE);
        copy[FADT_CST_CONTROL] = 0;
    }
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}

/* The tables that stay where and as they are. */
static void list_others(struct acpi_writer *writer, const struct acpi_table *root, acpi_map_fn map,
                        const struct placement *place)
{
    static const char *const rewritten[] = {"APIC", "FACP", "SRAT"};
    for (unsigned i = 0; i < ROOT_MAX; i++) {
        uint64_t address = acpi_root_entry(root, i);
        const uint8_t *table = address != 0 ? map(address, ACPI_HEADER_SIZE) : NULL;
        if (table == NULL || signature_is_in(table, rewritten, ARRAY_SIZE(rewritten)) ||
            signature_is_in(table, tables_dropped, ARRAY_SIZE(tables_dropped)))
            continue;
        if (!place->spans && signature_is_in(table, tables_of_nodes, ARRAY_SIZE(tables_of_nodes)))
            continue;
        acpi_write_list(writer, address);
    }
}

size_t acpi_build_service(const struct acpi_info *info, acpi_map_fn map,
                          const struct machine *machine, const struct placement *place,
                          uint8_t *buffer, size_t size, gpa_t gpa)
{
    struct acpi_writer writer;
    struct acpi_table root;
    acpi_write_start(&writer, buffer, size, gpa);
    write_fadt(&writer, info, map);
    write_madt(&writer, info, map, machine, place);
    if (place->spans)
        acpi_write_srat(&writer, machine, place, false);
    if (acpi_table_map(info->xsdt != 0 ? info->xsdt : info->rsdt, map, &root))
        list_others(&writer, &root, map, place);
    return acpi_write_finish(&writer);
}
