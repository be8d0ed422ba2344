/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: which cores and memory are near each other (SRAT and SLIT, ACPI 6.4, 5.2.16 and 17). */
#include "x86/boot/acpi_layout.h"

/* An enabled entry of the SRAT. */
struct affinity {
    uint32_t domain;
    bool is_memory;
    apic_id_t apic_id; /* of a core */
    uint64_t base;     /* of memory, page-aligned */
    uint64_t end;
};

static uint32_t affinity_apic_domain(const uint8_t *data, uint8_t revision)
{
    uint32_t high = acpi_get32(data + 8) & 0xffffff00u; /* bytes 9 to 11 */
    return data[2] | (revision >= 2 ? high : 0);
}

static bool affinity_memory(const uint8_t *data, uint8_t revision, struct affinity *affinity)
{
    uint64_t base = acpi_get64(data + 8), size = acpi_get64(data + 16);
    if (size == 0 || size > UINT64_MAX - base)
        return false;
    affinity->domain = acpi_get32(data + 2) & (revision >= 2 ? UINT32_MAX : 0xffu);
    affinity->is_memory = true;
    affinity->base = align_down(base, PAGE_SIZE);
    affinity->end = align_down(base + size, PAGE_SIZE);
    return (acpi_get32(data + 28) & SRAT_ENABLED) != 0;
}

/* What ENTRY of a SRAT says; false if nothing that counts. */
static bool affinity_read(const struct acpi_entry *entry, uint8_t revision,
                          struct affinity *affinity)
{
    const uint8_t *data = entry->data;
    *affinity = (struct affinity){0};
    if (entry->type == SRAT_APIC && entry->size >= 16) {
        affinity->domain = affinity_apic_domain(data, revision);
        affinity->apic_id.v = data[3];
        return (acpi_get32(data + 4) & SRAT_ENABLED) != 0;
    }
    if (entry->type == SRAT_X2APIC && entry->size >= 24) {
        affinity->domain = acpi_get32(data + 4);
        affinity->apic_id.v = acpi_get32(data + 8);
        return (acpi_get32(data + 12) & SRAT_ENABLED) != 0;
    }
    return entry->type == SRAT_MEMORY && entry->size >= 40 &&
           affinity_memory(data, revision, affinity);
}

/* The next affinity from *OFFSET on. */
static bool affinity_next(const struct acpi_table *srat, uint32_t *offset,
                          struct affinity *affinity)
{
    struct acpi_entry entry;
    while (acpi_entry_next(srat, offset, &entry)) {
        if (affinity_read(&entry, srat->data[ACPI_REVISION], affinity))
            return true;
    }
    return false;
}

/* Insert DOMAIN into the sorted list of nodes. False if there are too many. */
static bool node_add(struct machine *machine, uint32_t domain)
{
    unsigned at = 0;
    while (at < machine->node_count && machine->node_domain[at] < domain)
        at++;
    if (at < machine->node_count && machine->node_domain[at] == domain)
        return true;
    if (machine->node_count == MAX_NODES)
        return false;
    for (unsigned i = machine->node_count; i > at; i--)
        machine->node_domain[i] = machine->node_domain[i - 1];
    machine->node_domain[at] = domain;
    machine->node_count++;
    return true;
}

/* The node of DOMAIN; 0 if it is none of ours. */
static uint32_t node_of_domain(const struct machine *machine, uint32_t domain)
{
    for (uint32_t node = 0; node < machine->node_count; node++) {
        if (machine->node_domain[node] == domain)
            return node;
    }
    return 0;
}

static void nodes_collect(const struct acpi_table *srat, struct machine *machine,
                          struct acpi_warning *warning)
{
    struct affinity affinity;
    uint32_t offset = SRAT_ENTRIES;
    bool complete = true;
    while (affinity_next(srat, &offset, &affinity))
        complete &= node_add(machine, affinity.domain);
    if (offset != srat->size)
        acpi_warn(warning, "ACPI: the SRAT is damaged behind byte %u", offset);
    if (!complete)
        acpi_warn(warning, "ACPI: more than %u nodes; the others count as node 0", MAX_NODES);
}

static void cpus_assign(const struct acpi_table *srat, struct machine *machine)
{
    struct affinity affinity;
    for (uint32_t offset = SRAT_ENTRIES; affinity_next(srat, &offset, &affinity);) {
        if (affinity.is_memory)
            continue;
        for (unsigned i = 0; i < machine->cpu_count; i++) {
            if (machine->cpus[i].apic_id.v == affinity.apic_id.v)
                machine->cpus[i].node = node_of_domain(machine, affinity.domain);
        }
    }
}

/* The firmware's distance between two nodes, where it makes sense: remote is farther than 10. */
static uint8_t slit_distance(const struct acpi_table *slit, uint64_t count, uint32_t from,
                             uint32_t to)
{
    if (from >= count || to >= count)
        return SLIT_REMOTE;
    uint8_t distance = slit->data[SLIT_MATRIX + from * count + to];
    return distance > SLIT_LOCAL ? distance : SLIT_REMOTE;
}

static void distances_read(uint64_t address, acpi_map_fn map, struct machine *machine)
{
    struct acpi_table slit;
    uint64_t count = 0;
    if (acpi_table_map(address, map, &slit) && slit.size >= SLIT_MATRIX)
        count = acpi_get64(slit.data + SLIT_COUNT);
    if (count > UINT16_MAX || count * count > slit.size - SLIT_MATRIX)
        count = 0;
    for (unsigned i = 0; i < MAX_NODES; i++) {
        for (unsigned j = 0; j < MAX_NODES; j++) {
            bool known = i < machine->node_count && j < machine->node_count && i != j;
            machine->distance[i][j] = i == j ? SLIT_LOCAL : SLIT_REMOTE;
            if (known)
                machine->distance[i][j] =
                    slit_distance(&slit, count, machine->node_domain[i], machine->node_domain[j]);
        }
    }
}

void acpi_numa_read(acpi_map_fn map, const struct acpi_info *info, struct machine *machine,
                    struct acpi_warning *warning)
{
    struct acpi_table srat;
    machine->node_count = 0;
    if (acpi_table_map(info->srat, map, &srat)) {
        nodes_collect(&srat, machine, warning);
        cpus_assign(&srat, machine);
    }
    if (machine->node_count == 0) {
        machine->node_count = 1;
        machine->node_domain[0] = 0;
    }
    distances_read(info->slit, map, machine);
}

/* The node of the byte at ADDRESS, and in *BORDER the next address where that may change. */
static uint32_t node_at(const struct acpi_table *srat, const struct machine *machine,
                        uint64_t address, uint64_t *border)
{
    struct affinity affinity;
    uint32_t node = 0;
    bool found = false;
    *border = UINT64_MAX;
    for (uint32_t offset = SRAT_ENTRIES; affinity_next(srat, &offset, &affinity);) {
        if (!affinity.is_memory)
            continue;
        if (!found && address >= affinity.base && address < affinity.end) {
            node = node_of_domain(machine, affinity.domain);
            found = true;
        }
        if (affinity.base > address && affinity.base < *border)
            *border = affinity.base;
        if (affinity.end > address && affinity.end < *border)
            *border = affinity.end;
    }
    return node;
}

/* Cut the range INDEX at ADDRESS, which lies inside. False if there is no room for another. */
static bool range_split(struct machine *machine, unsigned index, uint64_t address)
{
    if (machine->ram_count == MAX_RANGES)
        return false;
    struct machine_range *range = &machine->ram[index];
    memmove(range + 1, range, (machine->ram_count - index) * sizeof(*range));
    machine->ram_count++;
    range[0].size = address - range[0].base.v;
    range[1].base.v = address;
    range[1].size -= range[0].size;
    return true;
}

void acpi_assign_nodes(const struct acpi_info *info, acpi_map_fn map, struct machine *machine)
{
    struct acpi_table srat;
    uint64_t border, next;
    for (unsigned i = 0; i < machine->ram_count; i++)
        machine->ram[i].node = 0;
    if (!acpi_table_map(info->srat, map, &srat))
        return;
    for (unsigned i = 0; i < machine->ram_count; i++) {
        struct machine_range *range = &machine->ram[i];
        uint64_t end = range->base.v + range->size;
        range->node = node_at(&srat, machine, range->base.v, &border);
        while (border < end && node_at(&srat, machine, border, &next) == range->node)
            border = next;
        if (border < end)
            range_split(machine, i, border);
    }
}
