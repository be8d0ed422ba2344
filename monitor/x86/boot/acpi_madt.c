/* SPDX-License-Identifier: Apache-2.0 */
/* Cores and IO-APICs (MADT, ACPI 6.4, 5.2.12). */
#include "x86/boot/acpi_layout.h"

/* The core that ENTRY describes, if it does and the core is enabled. */
static bool madt_cpu(const struct acpi_entry *entry, struct machine_cpu *cpu)
{
    const uint8_t *data = entry->data;
    *cpu = (struct machine_cpu){0};
    if (entry->type == MADT_APIC && entry->size >= 8) {
        cpu->acpi_uid = data[2];
        cpu->apic_id.v = data[3];
        return (acpi_get32(data + 4) & MADT_ENABLED) != 0 && data[3] != 0xff;
    }
    if (entry->type == MADT_X2APIC && entry->size >= 16) {
        cpu->apic_id.v = acpi_get32(data + 4);
        cpu->acpi_uid = acpi_get32(data + 12);
        return (acpi_get32(data + 8) & MADT_ENABLED) != 0 && cpu->apic_id.v != UINT32_MAX;
    }
    return false;
}

static bool machine_has(const struct machine *machine, apic_id_t apic_id)
{
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        if (machine->cpus[i].apic_id.v == apic_id.v)
            return true;
    }
    return false;
}

static void ioapic_add(const struct acpi_entry *entry, struct acpi_info *info)
{
    if (entry->size < 12 || info->ioapic_count == ACPI_IOAPICS_MAX)
        return;
    info->ioapics[info->ioapic_count].id = entry->data[2];
    info->ioapics[info->ioapic_count].address = acpi_get32(entry->data + 4);
    info->ioapics[info->ioapic_count].gsi_base = acpi_get32(entry->data + 8);
    info->ioapic_count++;
}

/* The place of cpus[0] is the booting core's: kept free until it comes. */
static bool cpu_add(struct machine_cpu cpu, apic_id_t bsp, struct machine *machine)
{
    cpu.core_id = cpu.apic_id.v;
    if (cpu.apic_id.v == bsp.v) {
        machine->cpus[0] = cpu;
        return true;
    }
    if (machine_has(machine, cpu.apic_id))
        return true;
    if (machine->cpu_count == MAX_CPUS)
        return false;
    machine->cpus[machine->cpu_count++] = cpu;
    return true;
}

bool acpi_madt_read(apic_id_t bsp, acpi_map_fn map, struct acpi_info *info, struct machine *machine,
                    struct acpi_warning *warning)
{
    struct acpi_table madt;
    struct acpi_entry entry;
    struct machine_cpu cpu;
    uint32_t offset = MADT_ENTRIES;
    unsigned ignored = 0;
    bool bsp_found = false;
    if (!acpi_table_map(info->madt, map, &madt)) {
        acpi_warn(warning, "ACPI: there is no usable MADT; switch ACPI and the APICs on in the "
                           "firmware's set-up");
        return false;
    }
    machine->cpus[0] = (struct machine_cpu){.apic_id = bsp, .core_id = bsp.v};
    machine->cpu_count = 1;
    while (acpi_entry_next(&madt, &offset, &entry)) {
        if (entry.type == MADT_IOAPIC)
            ioapic_add(&entry, info);
        if (!madt_cpu(&entry, &cpu))
            continue;
        bsp_found |= cpu.apic_id.v == bsp.v;
        ignored += cpu_add(cpu, bsp, machine) ? 0u : 1u;
    }
    if (offset != madt.size)
        acpi_warn(warning, "ACPI: the MADT is damaged behind byte %u", offset);
    if (ignored > 0)
        acpi_warn(warning, "ACPI: %u cores ignored; Mullion uses at most %u", ignored, MAX_CPUS);
    if (!bsp_found)
        acpi_warn(warning, "ACPI: the MADT does not list the booting core, APIC id %u", bsp.v);
    return bsp_found;
}
