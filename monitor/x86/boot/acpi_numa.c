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

/* What ENTRY of a SRAT says; false if nothing that counts. MASK is of domains in old entries. */
static bool affinity_read(const struct acpi_table *entry, uint32_t mask, struct affinity *affinity)
{
    uint64_t base = acpi_get(entry, 8, 8), end = base + acpi_get(entry, 16, 8);
    *affinity = (struct affinity){0};
    switch (acpi_get8(entry, 0)) {
    case SRAT_APIC: /* the domain's upper bytes are 9 to 11 */
        affinity->domain = acpi_get8(entry, 2) | (acpi_get32(entry, 8) & 0xffffff00u & mask);
        affinity->apic_id.v = acpi_get8(entry, 3);
        return entry->size >= 16 && (acpi_get32(entry, 4) & SRAT_ENABLED) != 0;
    case SRAT_X2APIC:
        affinity->domain = acpi_get32(entry, 4);
        affinity->apic_id.v = acpi_get32(entry, 8);
        return entry->size >= 24 && (acpi_get32(entry, 12) & SRAT_ENABLED) != 0;
    case SRAT_MEMORY: /* which may be empty, or wrap round */
        affinity->domain = acpi_get32(entry, 2) & mask;
        affinity->is_memory = true;
        affinity->base = align_down(base, PAGE_SIZE);
        affinity->end = align_down(end, PAGE_SIZE);
        return entry->size >= 40 && end > base && (acpi_get32(entry, 28) & SRAT_ENABLED) != 0;
    default:
        return false;
    }
}

/* The next affinity from *OFFSET on. Domains were bytes before revision 2. */
static bool affinity_next(const struct acpi_table *srat, uint32_t *offset,
                          struct affinity *affinity)
{
    struct acpi_table entry;
    uint32_t mask = acpi_get8(srat, ACPI_REVISION) >= 2 ? UINT32_MAX : 0xff;
    while (acpi_entry_next(srat, offset, &entry)) {
        if (affinity_read(&entry, mask, affinity))
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
    memmove(&machine->node_domain[at + 1], &machine->node_domain[at],
            (machine->node_count - at) * sizeof(domain));
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

static void nodes_collect(const struct acpi_table *srat, struct acpi_reader *reader)
{
    struct affinity affinity;
    uint32_t offset = SRAT_ENTRIES;
    bool complete = true;
    while (affinity_next(srat, &offset, &affinity))
        complete &= node_add(reader->machine, affinity.domain);
    if (offset != srat->size)
        acpi_warn(reader, "ACPI: the SRAT is damaged behind byte %u", offset);
    if (!complete)
        acpi_warn(reader, "ACPI: more than %u nodes; the others count as node 0", MAX_NODES);
}

static void cpus_assign(const struct acpi_table *srat, struct machine *machine)
{
    struct affinity affinity;
    for (uint32_t offset = SRAT_ENTRIES; affinity_next(srat, &offset, &affinity);) {
        for (unsigned i = 0; i < machine->cpu_count && !affinity.is_memory; i++) {
            if (machine->cpus[i].apic_id.v == affinity.apic_id.v)
                machine->cpus[i].node = node_of_domain(machine, affinity.domain);
        }
    }
}

/* The firmware's distances where they make sense: remote is farther than 10. */
static void distances_read(const struct acpi_table *slit, struct machine *machine)
{
    uint64_t count = acpi_get(slit, SLIT_COUNT, 8);
    if (count > UINT16_MAX || SLIT_MATRIX + count * count > slit->size)
        count = 0;
    for (unsigned i = 0; i < MAX_NODES; i++) {
        for (unsigned j = 0; j < MAX_NODES; j++) {
            uint32_t from = machine->node_domain[i], to = machine->node_domain[j];
            bool known =
                i < machine->node_count && j < machine->node_count && from < count && to < count;
            uint8_t distance = known ? acpi_get8(slit, SLIT_MATRIX + from * count + to) : 0;
            machine->distance[i][j] = i == j                  ? SLIT_LOCAL
                                      : distance > SLIT_LOCAL ? distance
                                                              : SLIT_REMOTE;
        }
    }
}

void acpi_numa_read(struct acpi_reader *reader)
{
    struct machine *machine = reader->machine;
    struct acpi_table table;
    machine->node_count = 0;
    if (acpi_table_map(reader->info->srat, reader->map, &table)) {
        nodes_collect(&table, reader);
        cpus_assign(&table, machine);
    }
    if (machine->node_count == 0) {
        machine->node_count = 1;
        machine->node_domain[0] = 0;
    }
    (void)acpi_table_map(reader->info->slit, reader->map, &table); /* else it has 0 nodes */
    distances_read(&table, machine);
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

/* Cut the range INDEX at ADDRESS, which lies inside, if there is room for another. */
static void range_split(struct machine *machine, unsigned index, uint64_t address)
{
    struct machine_range *range = &machine->ram[index];
    if (machine->ram_count == MAX_RANGES)
        return;
    memmove(range + 1, range, (machine->ram_count - index) * sizeof(*range));
    machine->ram_count++;
    range[0].size = address - range[0].base.v;
    range[1].base.v = address;
    range[1].size -= range[0].size;
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
