/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that say which cores and memory a VM has: MADT entries, SRAT, SLIT (ACPI 6.4, 5.2). */
#include "x86/boot/acpi_writer.h"

#define SRAT_REVISION 3u
#define SLIT_REVISION 1u

/* How an entry begins, as the lowest bytes of its first word. */
#define ENTRY(type, size) ((type) | (size) << 8)

/*
 * The VM's core that follows CPU: first the boot core, then its others, then those that it may get;
 * MAX_CPUS if no more. Stock Linux numbers them so (place_number).
 */
static cpu_id_t cpu_next(const struct placement *place, cpu_id_t cpu)
{
    bool own = cpu_set_has(&place->cpus, cpu);
    cpu_id_t next = cpu == place->boot_cpu ? 0 : cpu + 1;
    while (own && next < MAX_CPUS && (!cpu_set_has(&place->cpus, next) || next == place->boot_cpu))
        next++;
    if (own && next == MAX_CPUS)
        next = 0;
    else if (own)
        return next;
    while (next < MAX_CPUS && !cpu_set_has(&place->may, next))
        next++;
    return next;
}

void acpi_write_cpus(struct acpi_writer *writer)
{
    const struct placement *place = writer->place;
    uint32_t uid = 0;
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        const struct machine_cpu *core = &writer->machine->cpus[cpu];
        uint32_t apic_id = core->apic_id.v;
        if (!writer->dense)
            uid = core->acpi_uid;
        uint32_t apic[] = {ENTRY(MADT_APIC, 8u) | uid << 16 | apic_id << 24, MADT_ENABLED};
        uint32_t x2apic[] = {ENTRY(MADT_X2APIC, 16u), apic_id, MADT_ENABLED, uid};
        /* Both numbers of a type 0 entry are bytes; FFh means all processors. */
        if (apic_id < MADT_APIC_MAX && uid < MADT_APIC_MAX)
            acpi_write(writer, apic, sizeof(apic));
        else
            acpi_write(writer, x2apic, sizeof(x2apic));
        uid++;
    }
}

static bool place_uses_node(const struct acpi_writer *writer, uint32_t node)
{
    const struct placement *place = writer->place;
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        if (writer->machine->cpus[cpu].node == node)
            return true;
    }
    for (unsigned i = 0; i < place->extent_count; i++) {
        if (place->extents[i].node == node)
            return true;
    }
    return false;
}

/* The proximity domain of a node: its rank among the VM's nodes, or the firmware's number. */
static uint32_t node_domain(const struct acpi_writer *writer, uint32_t node)
{
    uint32_t rank = 0;
    if (!writer->dense)
        return writer->machine->node_domain[node];
    for (uint32_t i = 0; i < node; i++)
        rank += place_uses_node(writer, i) ? 1u : 0u;
    return rank;
}

void acpi_write_srat(struct acpi_writer *writer)
{
    static const uint32_t reserved[] = {1, 0, 0}; /* 5.2.16: the first must be 1 */
    const struct placement *place = writer->place;
    size_t start = acpi_table_begin(writer, "SRAT", SRAT_REVISION);
    acpi_write(writer, reserved, sizeof(reserved));
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        const struct machine_cpu *core = &writer->machine->cpus[cpu];
        uint32_t entry[6] = {ENTRY(SRAT_X2APIC, 24u), node_domain(writer, core->node),
                             core->apic_id.v, SRAT_ENABLED};
        acpi_write(writer, entry, sizeof(entry));
    }
    for (unsigned i = 0; i < place->extent_count; i++) {
        const struct place_extent *extent = &place->extents[i];
        uint64_t domain = node_domain(writer, extent->node);
        uint64_t entry[5] = {ENTRY(SRAT_MEMORY, 40u) | domain << 16, extent->gpa.v, extent->size,
                             (uint64_t)SRAT_ENABLED << 32};
        acpi_write(writer, entry, sizeof(entry));
    }
    acpi_table_end(writer, start);
}

void acpi_write_slit(struct acpi_writer *writer)
{
    const struct machine *machine = writer->machine;
    size_t start = acpi_table_begin(writer, "SLIT", SLIT_REVISION);
    uint64_t count = node_domain(writer, machine->node_count);
    acpi_write(writer, &count, sizeof(count));
    for (uint32_t from = 0; from < machine->node_count; from++) {
        for (uint32_t to = 0; to < machine->node_count; to++) {
            if (place_uses_node(writer, from) && place_uses_node(writer, to))
                acpi_write(writer, &machine->distance[from][to], 1);
        }
    }
    acpi_table_end(writer, start);
}
