/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that say which cores and memory a VM has: MADT entries, SRAT, SLIT (ACPI 6.4, 5.2). */
#include "x86/boot/acpi_writer.h"

#define SRAT_REVISION 3u
#define SLIT_REVISION 1u

/* The VM's core that follows CPU: first the boot core, then the others; MAX_CPUS if no more. */
static cpu_id_t cpu_next(const struct placement *place, cpu_id_t cpu)
{
    cpu_id_t next = cpu == place->boot_cpu ? 0 : cpu + 1;
    while (next < MAX_CPUS && (!cpu_set_has(&place->cpus, next) || next == place->boot_cpu))
        next++;
    return next;
}

static void write_apic(struct acpi_writer *writer, uint32_t apic_id, uint32_t uid)
{
    acpi_write8(writer, MADT_APIC);
    acpi_write8(writer, 8);
    acpi_write8(writer, (uint8_t)uid);
    acpi_write8(writer, (uint8_t)apic_id);
    acpi_write32(writer, MADT_ENABLED);
}

static void write_x2apic(struct acpi_writer *writer, uint32_t apic_id, uint32_t uid)
{
    acpi_write8(writer, MADT_X2APIC);
    acpi_write8(writer, 16);
    acpi_write16(writer, 0);
    acpi_write32(writer, apic_id);
    acpi_write32(writer, MADT_ENABLED);
    acpi_write32(writer, uid);
}

void acpi_write_cpus(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place, bool dense)
{
    uint32_t uid = 0;
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        uint32_t apic_id = machine->cpus[cpu].apic_id.v;
        if (!dense)
            uid = machine->cpus[cpu].acpi_uid;
        /* Both numbers of a type 0 entry are bytes; FFh means all processors. */
        if (apic_id < MADT_APIC_MAX && uid < MADT_APIC_MAX)
            write_apic(writer, apic_id, uid);
        else
            write_x2apic(writer, apic_id, uid);
        uid++;
    }
}

static bool place_uses_node(const struct machine *machine, const struct placement *place,
                            uint32_t node)
{
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        if (machine->cpus[cpu].node == node)
            return true;
    }
    for (unsigned i = 0; i < place->extent_count; i++) {
        if (place->extents[i].node == node)
            return true;
    }
    return false;
}

/* The proximity domain of a node: its rank among the VM's nodes, or the firmware's number. */
static uint32_t node_domain(const struct machine *machine, const struct placement *place,
                            uint32_t node, bool dense)
{
    uint32_t rank = 0;
    if (!dense)
        return machine->node_domain[node];
    for (uint32_t i = 0; i < node; i++)
        rank += place_uses_node(machine, place, i) ? 1u : 0u;
    return rank;
}

static void write_cpu_affinity(struct acpi_writer *writer, uint32_t apic_id, uint32_t domain)
{
    acpi_write8(writer, SRAT_X2APIC);
    acpi_write8(writer, 24);
    acpi_write16(writer, 0);
    acpi_write32(writer, domain);
    acpi_write32(writer, apic_id);
    acpi_write32(writer, SRAT_ENABLED);
    acpi_write32(writer, 0); /* clock domain */
    acpi_write32(writer, 0);
}

static void write_memory_affinity(struct acpi_writer *writer, const struct place_extent *extent,
                                  uint32_t domain)
{
    acpi_write8(writer, SRAT_MEMORY);
    acpi_write8(writer, 40);
    acpi_write32(writer, domain);
    acpi_write16(writer, 0);
    acpi_write64(writer, extent->gpa.v);
    acpi_write64(writer, extent->size);
    acpi_write32(writer, 0);
    acpi_write32(writer, SRAT_ENABLED);
    acpi_write64(writer, 0);
}

void acpi_write_srat(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place, bool dense)
{
    size_t start = acpi_table_begin(writer, "SRAT", SRAT_REVISION);
    acpi_write32(writer, 1); /* 5.2.16: must be 1 */
    acpi_write64(writer, 0);
    for (cpu_id_t cpu = place->boot_cpu; cpu < MAX_CPUS; cpu = cpu_next(place, cpu)) {
        const struct machine_cpu *core = &machine->cpus[cpu];
        write_cpu_affinity(writer, core->apic_id.v, node_domain(machine, place, core->node, dense));
    }
    for (unsigned i = 0; i < place->extent_count; i++) {
        const struct place_extent *extent = &place->extents[i];
        write_memory_affinity(writer, extent, node_domain(machine, place, extent->node, dense));
    }
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}

void acpi_write_slit(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place)
{
    size_t start = acpi_table_begin(writer, "SLIT", SLIT_REVISION);
    acpi_write64(writer, node_domain(machine, place, machine->node_count, true));
    for (uint32_t from = 0; from < machine->node_count; from++) {
        for (uint32_t to = 0; to < machine->node_count; to++) {
            if (place_uses_node(machine, place, from) && place_uses_node(machine, place, to))
                acpi_write8(writer, machine->distance[from][to]);
        }
    }
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}
