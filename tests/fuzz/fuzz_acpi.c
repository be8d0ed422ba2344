/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the firmware's ACPI tables; what is read must make sense, and what is built of it
 * must read the same. */
#include "fuzz.h"
#include "x86/boot/acpi_layout.h"

#define BASE      0x7ff00000ull /* where the firmware has them */
#define ALIAS     0xe0000ull    /* and a BIOS, where the RSDP is looked for */
#define BUILT     0x1000000ull
#define IMAGE_MAX 0x8000u
#define MAPS_MAX  20000u

static uint8_t image[IMAGE_MAX], built[64 * KIB];
static size_t image_size, built_size;
static void *maps[MAPS_MAX];
static unsigned map_count;
static struct machine machine, again;
static struct acpi_info info, info_again;
static char warning[200];

static const void *map_part(const uint8_t *part, uint64_t part_size, uint64_t offset, uint64_t size)
{
    if (offset > part_size || size > part_size - offset || map_count == MAPS_MAX)
        return NULL;
    return maps[map_count++] = fuzz_copy(part + offset, size);
}

static const void *map_memory(uint64_t address, uint64_t size)
{
    if (address >= BASE && address < BASE + IMAGE_MAX)
        return map_part(image, image_size, address - BASE, size);
    if (address >= BUILT && address < BUILT + sizeof(built))
        return map_part(built, built_size, address - BUILT, size);
    if (address >= ALIAS && address < ALIAS + IMAGE_MAX)
        return map_part(image, image_size, address - ALIAS, size);
    return NULL;
}

static void unmap(void)
{
    while (map_count > 0)
        free(maps[--map_count]);
}

static uint64_t image_get(uint64_t at, unsigned size)
{
    uint64_t value = 0;
    if (at <= image_size && size <= image_size - at)
        memcpy(&value, image + at, size);
    return value;
}

/* Correct a checksum, so that what comes behind it is reached. */
static void seal(uint64_t at, uint64_t size, uint64_t sum)
{
    if (at > image_size || size > image_size - at || sum >= size)
        return;
    image[at + sum] = 0;
    image[at + sum] = (uint8_t)-acpi_sum(image + at, size);
}

static void seal_table(uint64_t address)
{
    if (address >= BASE)
        seal(address - BASE, image_get(address - BASE + ACPI_LENGTH, 4), ACPI_CHECKSUM);
}

static void seal_root(uint64_t address, unsigned entry)
{
    uint64_t at = address - BASE;
    uint64_t size = address >= BASE ? image_get(at + ACPI_LENGTH, 4) : 0;
    for (uint64_t i = ACPI_HEADER_SIZE; i + entry <= size && i < IMAGE_MAX; i += entry) {
        uint64_t table = image_get(at + i, entry);
        seal_table(image_get(table - BASE + FADT_DSDT, 4));
        seal_table(image_get(table - BASE + FADT_X_DSDT, 8));
        seal_table(table);
    }
    seal_table(address);
}

static void seal_all(uint64_t rsdp)
{
    seal_root(image_get(rsdp + RSDP_RSDT, 4), 4);
    seal_root(image_get(rsdp + RSDP_XSDT, 8), 8);
    seal(rsdp, RSDP_SIZE_1, RSDP_CHECKSUM);
    seal(rsdp, RSDP_SIZE_2, RSDP_CHECKSUM_2);
}

static uint64_t ram_total(const struct machine *m)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < m->ram_count; i++)
        total += m->ram[i].size;
    return total;
}

static void check_machine(const struct machine *m, uint32_t bsp)
{
    must(m->cpu_count >= 1 && m->cpu_count <= MAX_CPUS && m->cpus[0].apic_id.v == bsp);
    must(m->node_count >= 1 && m->node_count <= MAX_NODES);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        must(m->cpus[i].node < m->node_count);
        for (unsigned j = 0; j < i; j++)
            must(m->cpus[i].apic_id.v != m->cpus[j].apic_id.v);
    }
    for (unsigned i = 0; i < m->node_count; i++) {
        must(i == 0 || m->node_domain[i - 1] < m->node_domain[i]);
        for (unsigned j = 0; j < m->node_count; j++)
            must(i == j ? m->distance[i][j] == 10 : m->distance[i][j] > 10);
    }
    must(info.ioapic_count <= ACPI_IOAPICS_MAX);
}

static void assign_ram(void)
{
    static const struct machine_range pieces[] = {
        {{0}, 0xa0000, 0}, {{MIB}, 2 * GIB - MIB, 0}, {{4 * GIB}, 12 * GIB, 0}};
    memcpy(machine.ram, pieces, sizeof(pieces));
    machine.ram_count = ARRAY_SIZE(pieces);
    uint64_t total = ram_total(&machine);
    acpi_assign_nodes(&info, map_memory, &machine);
    must(machine.ram_count <= MAX_RANGES && ram_total(&machine) == total);
    for (unsigned i = 0; i < machine.ram_count; i++) {
        const struct machine_range *range = &machine.ram[i];
        must(range->size > 0 && range->node < machine.node_count);
        must((range->base.v | range->size) % PAGE_SIZE == 0);
        must(i == 0 || range->base.v >= range[-1].base.v + range[-1].size);
    }
}

/* What BUILT holds is read back: the cores of PLACE, no other. */
static void check_built(const struct placement *place)
{
    must(built_size <= sizeof(built));
    memset(&again, 0, sizeof(again));
    uint32_t boot = machine.cpus[place->boot_cpu].apic_id.v;
    must(acpi_read(BUILT, (apic_id_t){boot}, map_memory, &info_again, &again, warning,
                   sizeof(warning)));
    must(again.cpu_count == cpu_set_count(&place->cpus));
    for (unsigned i = 0; i < again.cpu_count; i++) {
        bool is_placed = false;
        for (cpu_id_t cpu = 0; cpu < machine.cpu_count; cpu++)
            is_placed |= machine.cpus[cpu].apic_id.v == again.cpus[i].apic_id.v &&
                         cpu_set_has(&place->cpus, cpu);
        must(is_placed);
    }
}

/* A VM of every second core and one of the machine's pieces of RAM. */
static struct placement choose_place(uint8_t choice)
{
    struct placement place = {.placed = true, .boot_cpu = choice % machine.cpu_count};
    const struct machine_range *range = &machine.ram[choice % machine.ram_count];
    for (cpu_id_t cpu = place.boot_cpu % 2; cpu < machine.cpu_count; cpu += 2)
        cpu_set_add(&place.cpus, cpu);
    place.node = machine.cpus[place.boot_cpu].node;
    place.extents[0] = (struct place_extent){range->base, {0}, range->size, range->node};
    place.extent_count = 1;
    place.spans = (choice & 64) != 0;
    return place;
}

static void check_read(uint8_t choice, uint32_t bsp)
{
    check_machine(&machine, bsp);
    assign_ram();
    struct placement place = choose_place(choice);
    built_size = sizeof(built);
    built_size = acpi_build_guest(&machine, &place, built, built_size, (gpa_t){BUILT});
    must(built_size > 0);
    check_built(&place);
    must(info_again.fadt != 0 && info_again.dsdt != 0 && info_again.ioapic_count == 0);
    built_size = sizeof(built);
    built_size =
        acpi_build_service(&info, map_memory, &machine, &place, built, built_size, (gpa_t){BUILT});
    if (built_size == 0) /* larger tables than the monitor has room for */
        return;
    check_built(&place);
    must(info_again.smi_command == 0);
    must(info_again.ioapic_count == info.ioapic_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice[6];
    if (!fuzz_choices(&data, &size, choice, sizeof(choice)) || size > sizeof(image))
        return -1;
    memcpy(image, data, size);
    image_size = size;
    uint64_t rsdp = (choice[2] + choice[3] * 256u) * 16u % IMAGE_MAX;
    if ((choice[0] & 1) == 0)
        seal_all(rsdp);
    memset(&machine, 0, sizeof(machine));
    bool good = acpi_read((choice[0] & 6) == 6 ? 0 : BASE + rsdp, (apic_id_t){choice[1]},
                          map_memory, &info, &machine, warning, sizeof(warning));
    must(memchr(warning, '\0', sizeof(warning)) != NULL && (good || warning[0] != '\0'));
    if (good)
        check_read(choice[4], choice[1]);
    unmap();
    return 0;
}
