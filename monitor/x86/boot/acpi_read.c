/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the firmware's tables and what the monitor needs from them (ACPI 6.4, 5.2.5 to 5.2.8). */
#include "x86/boot/acpi_layout.h"

/* Where a BIOS leaves the RSDP (5.2.5.1). */
#define EBDA_POINTER 0x40eull
#define EBDA_SEARCH  KIB
#define BIOS_AREA    0xe0000ull
#define BIOS_SIZE    0x20000ull
#define RSDP_STEP    16u

/* Map the RSDP at ADDRESS: of revision 1 without the XSDT. False if it isn't there or not whole. */
static bool rsdp_map(uint64_t address, acpi_map_fn map, struct acpi_table *rsdp)
{
    *rsdp = (struct acpi_table){map(address, RSDP_SIZE_1), address, RSDP_SIZE_1};
    if (rsdp->data == NULL || memcmp(rsdp->data, "RSD PTR ", 8) != 0 ||
        acpi_sum(rsdp->data, RSDP_SIZE_1) != 0)
        return false;
    if (acpi_get8(rsdp, RSDP_REVISION) < 2)
        return true;
    *rsdp = (struct acpi_table){map(address, RSDP_SIZE_2), address, RSDP_SIZE_2};
    return rsdp->data != NULL && acpi_sum(rsdp->data, RSDP_SIZE_2) == 0;
}

static bool rsdp_search(uint64_t base, uint64_t size, acpi_map_fn map, struct acpi_table *rsdp)
{
    for (uint64_t at = base; at < base + size; at += RSDP_STEP) {
        if (rsdp_map(at, map, rsdp))
            return true;
    }
    return false;
}

static bool rsdp_find(uint64_t given, acpi_map_fn map, struct acpi_table *rsdp)
{
    if (given != 0)
        return rsdp_map(given, map, rsdp);
    const struct acpi_table pointer = {.data = map(EBDA_POINTER, 2), .size = 2};
    uint64_t ebda = pointer.data != NULL ? acpi_get(&pointer, 0, 2) << 4 : 0;
    return (ebda != 0 && rsdp_search(ebda, EBDA_SEARCH, map, rsdp)) ||
           rsdp_search(BIOS_AREA, BIOS_SIZE, map, rsdp);
}

/* The XSDT where it is usable, else the RSDT. */
static bool root_find(const struct acpi_table *rsdp, acpi_map_fn map, struct acpi_info *info,
                      struct acpi_table *root)
{
    info->xsdt = acpi_get(rsdp, RSDP_XSDT, 8);
    if (acpi_table_map(info->xsdt, map, root) && acpi_table_is(root, "XSDT"))
        return true;
    info->xsdt = 0;
    info->rsdt = acpi_get32(rsdp, RSDP_RSDT);
    if (acpi_table_map(info->rsdt, map, root) && acpi_table_is(root, "RSDT"))
        return true;
    info->rsdt = 0;
    return false;
}

/* Keep the address of a table that we read; the first of a kind counts. */
static void table_keep(const struct acpi_table *table, struct acpi_info *info)
{
    const struct {
        const char *signature;
        uint64_t *address;
    } kinds[] = {{"FACP", &info->fadt}, {"APIC", &info->madt}, {"SRAT", &info->srat},
                 {"SLIT", &info->slit}, {"MCFG", &info->mcfg}, {"HPET", &info->hpet}};
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (acpi_table_is(table, kinds[i].signature) && *kinds[i].address == 0)
            *kinds[i].address = table->address;
    }
}

static void tables_find(const struct acpi_table *root, struct acpi_reader *reader)
{
    struct acpi_table table;
    for (unsigned i = 0; i < ROOT_MAX; i++) {
        uint64_t address = acpi_root_entry(root, i);
        if (address == 0)
            continue;
        if (acpi_table_map(address, reader->map, &table))
            table_keep(&table, reader->info);
        else
            acpi_warn(reader, "ACPI: the table at 0x%lx is damaged and ignored", address);
    }
}

static void mcfg_read(const struct acpi_reader *reader)
{
    struct acpi_table mcfg;
    uint32_t at = MCFG_ENTRIES;
    (void)acpi_table_map(reader->info->mcfg, reader->map, &mcfg); /* else its size is 0 */
    while (at + MCFG_ENTRY <= mcfg.size && acpi_get(&mcfg, at + 8, 2) != 0)
        at += MCFG_ENTRY;
    if (at + MCFG_ENTRY > mcfg.size)
        return;
    reader->info->ecam_base = acpi_get(&mcfg, at, 8);
    reader->info->ecam_bus_first = acpi_get8(&mcfg, at + 10);
    reader->info->ecam_bus_last = acpi_get8(&mcfg, at + 11);
}

bool acpi_read(uint64_t rsdp, apic_id_t bsp, acpi_map_fn map, struct acpi_info *info,
               struct machine *machine, char *warning, size_t warning_size)
{
    struct acpi_reader reader = {map, info, machine, warning, warning_size, 0};
    struct acpi_table table, root;
    *info =
        (struct acpi_info){.s5_type_a = 0xff, .s5_type_b = 0xff, .s3_type = 0xff, .s4_type = 0xff};
    if (warning != NULL && warning_size > 0)
        warning[0] = '\0';
    if (!rsdp_find(rsdp, map, &table)) {
        acpi_warn(&reader, "ACPI: no RSDP found; switch ACPI on in the firmware's set-up");
        return false;
    }
    info->rsdp = table.address;
    if (!root_find(&table, map, info, &root)) {
        acpi_warn(&reader, "ACPI: XSDT and RSDT are damaged; update the firmware");
        return false;
    }
    tables_find(&root, &reader);
    acpi_fadt_read(&reader);
    mcfg_read(&reader);
    if (!acpi_madt_read(&reader, bsp))
        return false;
    acpi_numa_read(&reader);
    return true;
}
