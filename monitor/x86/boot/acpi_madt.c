/* SPDX-License-Identifier: Apache-2.0 */
/* Cores and IO-APICs (MADT, ACPI 6.4, 5.2.12). */
#include "x86/boot/acpi_layout.h"

/* The core that ENTRY describes, if it does and the core is enabled. */
static bool madt_cpu(const struct acpi_table *entry, struct machine_cpu *cpu)
{
    bool x2apic = acpi_get8(entry, 0) == MADT_X2APIC;
    if (entry->size < (x2apic ? 16 : 8) || (!x2apic && acpi_get8(entry, 0) != MADT_APIC))
        return false;
    uint32_t id = x2apic ? acpi_get32(entry, 4) : acpi_get8(entry, 3);
    uint32_t uid = x2apic ? acpi_get32(entry, 12) : acpi_get8(entry, 2);
    *cpu = (struct machine_cpu){.apic_id = {id}, .acpi_uid = uid, .core_id = id};
    return (acpi_get32(entry, x2apic ? 8 : 4) & MADT_ENABLED) != 0 &&
           id != (x2apic ? UINT32_MAX : 0xff); /* which mean all cores */
}

static void ioapic_add(const struct acpi_table *entry, struct acpi_info *info)
{
    if (entry->size < 12 || info->ioapic_count == ACPI_IOAPICS_MAX)
        return;
    info->ioapics[info->ioapic_count].id = acpi_get8(entry, 2);
    info->ioapics[info->ioapic_count].address = acpi_get32(entry, 4);
    info->ioapics[info->ioapic_count].gsi_base = acpi_get32(entry, 8);
    info->ioapic_count++;
}

/* The place of cpus[0] is the booting core's. False if there is no room. */
static bool cpu_add(struct machine_cpu cpu, struct machine *machine)
{
    unsigned at = 0;
    while (at < machine->cpu_count && machine->cpus[at].apic_id.v != cpu.apic_id.v)
        at++;
    if (at == MAX_CPUS)
        return false;
    if (at == 0 || at == machine->cpu_count)
        machine->cpus[at] = cpu;
    if (at == machine->cpu_count)
        machine->cpu_count++;
    return true;
}

bool acpi_madt_read(struct acpi_reader *reader, apic_id_t bsp)
{
    struct acpi_table madt, entry;
    struct machine_cpu cpu;
    uint32_t offset = MADT_ENTRIES;
    unsigned ignored = 0;
    bool bsp_found = false;
    if (!acpi_table_map(reader->info->madt, reader->map, &madt)) {
        acpi_warn(reader, "ACPI: there is no usable MADT; switch ACPI and the APICs on in the "
                          "firmware's set-up");
        return false;
    }
    reader->machine->cpus[0] = (struct machine_cpu){.apic_id = bsp, .core_id = bsp.v};
    reader->machine->cpu_count = 1;
    while (acpi_entry_next(&madt, &offset, &entry)) {
        if (acpi_get8(&entry, 0) == MADT_IOAPIC)
            ioapic_add(&entry, reader->info);
        if (!madt_cpu(&entry, &cpu))
            continue;
        bsp_found |= cpu.apic_id.v == bsp.v;
        ignored += cpu_add(cpu, reader->machine) ? 0u : 1u;
    }
    if (offset != madt.size)
        acpi_warn(reader, "ACPI: the MADT is damaged behind byte %u", offset);
    if (ignored > 0)
        acpi_warn(reader, "ACPI: %u cores ignored; Mullion uses at most %u", ignored, MAX_CPUS);
    if (!bsp_found)
        acpi_warn(reader, "ACPI: the MADT does not list the booting core, APIC id %u", bsp.v);
    return bsp_found;
}
