/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the firmware's tables and what the monitor needs from them (ACPI 6.4, 5.2.5 to 5.2.8). */
#include "x86/boot/acpi_layout.h"

/* Where a BIOS leaves the RSDP (5.2.5.1). */
#define EBDA_POINTER 0x40eull
#define EBDA_SEARCH  KIB
#define BIOS_AREA    0xe0000ull
#define BIOS_SIZE    0x20000ull
#define RSDP_STEP    16u
#define ROOT_MAX     256u /* entries looked at */

/* The RSDP if it is at ADDRESS and whole, else NULL. */
static const uint8_t *rsdp_at(uint64_t address, acpi_map_fn map)
{
    const uint8_t *rsdp = map(address, RSDP_SIZE_1);
    if (rsdp == NULL || memcmp(rsdp, "RSD PTR ", 8) != 0 || acpi_sum(rsdp, RSDP_SIZE_1) != 0)
        return NULL;
    if (rsdp[RSDP_REVISION] < 2)
        return rsdp;
    rsdp = map(address, RSDP_SIZE_2);
    return rsdp != NULL && acpi_sum(rsdp, RSDP_SIZE_2) == 0 ? rsdp : NULL;
}

static uint64_t rsdp_search(uint64_t base, uint64_t size, acpi_map_fn map)
{
    for (uint64_t at = base; at < base + size; at += RSDP_STEP) {
        if (rsdp_at(at, map) != NULL)
            return at;
    }
    return 0;
}

static uint64_t rsdp_find(uint64_t given, acpi_map_fn map)
{
    uint64_t found = 0;
    if (given != 0)
        return rsdp_at(given, map) != NULL ? given : 0;
    const uint8_t *pointer = map(EBDA_POINTER, sizeof(uint16_t));
    if (pointer != NULL && acpi_get16(pointer) != 0)
        found = rsdp_search((uint64_t)acpi_get16(pointer) << 4, EBDA_SEARCH, map);
    return found != 0 ? found : rsdp_search(BIOS_AREA, BIOS_SIZE, map);
}

/* The XSDT where it is usable, else the RSDT. */
static bool root_find(const uint8_t *rsdp, acpi_map_fn map, struct acpi_info *info,
                      struct acpi_table *root)
{
    uint64_t xsdt = rsdp[RSDP_REVISION] >= 2 ? acpi_get64(rsdp + RSDP_XSDT) : 0;
    if (acpi_table_map(xsdt, map, root) && acpi_table_is(root, "XSDT")) {
        info->xsdt = xsdt;
        return true;
    }
    info->rsdt = acpi_get32(rsdp + RSDP_RSDT);
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

static void tables_find(const struct acpi_table *root, acpi_map_fn map, struct acpi_info *info,
                        struct acpi_warning *warning)
{
    struct acpi_table table;
    for (unsigned i = 0; i < ROOT_MAX; i++) {
        uint64_t address = acpi_root_entry(root, i);
        if (address == 0)
            continue;
        if (acpi_table_map(address, map, &table))
            table_keep(&table, info);
        else
            acpi_warn(warning, "ACPI: the table at 0x%lx is damaged and ignored", address);
    }
}

static void mcfg_read(acpi_map_fn map, struct acpi_info *info)
{
    struct acpi_table table;
    if (!acpi_table_map(info->mcfg, map, &table))
        return;
    for (uint32_t at = MCFG_ENTRIES; at + MCFG_ENTRY <= table.size; at += MCFG_ENTRY) {
        const uint8_t *entry = table.data + at;
        if (acpi_get16(entry + 8) != 0)
            continue;
        info->ecam_base = acpi_get64(entry);
        info->ecam_bus_first = entry[10];
        info->ecam_bus_last = entry[11];
        return;
    }
}

bool acpi_read(uint64_t rsdp, apic_id_t bsp, acpi_map_fn map, struct acpi_info *info,
               struct machine *machine, char *warning, size_t warning_size)
{
    struct acpi_warning warn = {warning, warning_size, 0};
    struct acpi_table root;
    *info =
        (struct acpi_info){.s5_type_a = 0xff, .s5_type_b = 0xff, .s3_type = 0xff, .s4_type = 0xff};
    if (warning != NULL && warning_size > 0)
        warning[0] = '\0';
    info->rsdp = rsdp_find(rsdp, map);
    if (info->rsdp == 0) {
        acpi_warn(&warn, "ACPI: no RSDP found; switch ACPI on in the firmware's set-up");
        return false;
    }
    if (!root_find(rsdp_at(info->rsdp, map), map, info, &root)) {
        acpi_warn(&warn, "ACPI: XSDT and RSDT are damaged; update the firmware");
        return false;
    }
    tables_find(&root, map, info, &warn);
    acpi_fadt_read(map, info);
    acpi_dsdt_read(map, info);
    mcfg_read(map, info);
    if (!acpi_madt_read(bsp, map, info, machine, &warn))
        return false;
    acpi_numa_read(map, info, machine, &warn);
    return true;
}
