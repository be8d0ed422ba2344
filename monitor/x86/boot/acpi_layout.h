/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets in the firmware's tables, and reading them (ACPI 6.4, chapter 5.2). */
#pragma once

#include "lib/string.h"
#include "x86/boot/acpi.h"

#define ACPI_HEADER_SIZE 36u /* 5.2.6: signature, length, revision, checksum, ids */
#define ACPI_LENGTH      4u
#define ACPI_REVISION    8u
#define ACPI_CHECKSUM    9u
#define ACPI_TABLE_MAX   (16 * MIB) /* a longer table is garbage */

/* RSDP, 5.2.5.3 */
#define RSDP_SIZE_1     20u
#define RSDP_SIZE_2     36u
#define RSDP_CHECKSUM   8u
#define RSDP_REVISION   15u
#define RSDP_RSDT       16u
#define RSDP_LENGTH     20u
#define RSDP_XSDT       24u
#define RSDP_CHECKSUM_2 32u

/* FADT, 5.2.9 */
#define FADT_DSDT           40u
#define FADT_SMI_COMMAND    48u
#define FADT_ACPI_ENABLE    52u
#define FADT_ACPI_DISABLE   53u
#define FADT_S4BIOS_REQUEST 54u
#define FADT_PSTATE_CONTROL 55u
#define FADT_PM1A_EVENT     56u
#define FADT_PM1B_EVENT     60u
#define FADT_PM1A_CONTROL   64u
#define FADT_PM1B_CONTROL   68u
#define FADT_PM_TIMER       76u
#define FADT_PM_TIMER_LEN   91u
#define FADT_CST_CONTROL    95u
#define FADT_BOOT_ARCH      109u
#define FADT_FLAGS          112u
#define FADT_RESET_REGISTER 116u
#define FADT_RESET_VALUE    128u
#define FADT_MINOR          131u
#define FADT_X_DSDT         140u
#define FADT_X_PM1A_EVENT   148u
#define FADT_X_PM1B_EVENT   160u
#define FADT_X_PM1A_CONTROL 172u
#define FADT_X_PM1B_CONTROL 184u
#define FADT_X_PM_TIMER     208u
#define FADT_SLEEP_CONTROL  244u
#define FADT_SLEEP_STATUS   256u
#define FADT_SIZE           276u

#define FADT_FLAG_WBINVD        (1u << 0)
#define FADT_FLAG_PROC_C1       (1u << 2)
#define FADT_FLAG_NO_PWR_BUTTON (1u << 4) /* no fixed button: a device, or none */
#define FADT_FLAG_NO_SLP_BUTTON (1u << 5)
#define FADT_FLAG_PM_TIMER_32   (1u << 8)
#define FADT_FLAG_RESET         (1u << 10)
#define FADT_FLAG_APIC_PHYSICAL (1u << 19)
#define FADT_FLAG_HW_REDUCED    (1u << 20)

#define FADT_ARCH_NO_VGA (1u << 2)
#define FADT_ARCH_NO_RTC (1u << 5)

/* Generic address structure, 5.2.3.2 */
#define GAS_SIZE      12u
#define GAS_ADDRESS   4u
#define GAS_SYSTEM_IO 1u

/* MADT, 5.2.12 */
#define MADT_LOCAL_APIC 36u
#define MADT_FLAGS      40u
#define MADT_ENTRIES    44u
#define MADT_APIC       0u
#define MADT_IOAPIC     1u
#define MADT_OVERRIDE   2u
#define MADT_NMI_SOURCE 3u
#define MADT_APIC_NMI   4u
#define MADT_ADDRESS    5u
#define MADT_X2APIC     9u
#define MADT_X2APIC_NMI 10u
#define MADT_ENABLED    1u
#define MADT_APIC_MAX   255u /* ids from here on need an x2APIC entry */

/* SRAT, 5.2.16; SLIT, 5.2.17; MCFG (PCI firmware specification, 4.1.2) */
#define SRAT_ENTRIES 48u
#define SRAT_APIC    0u
#define SRAT_MEMORY  1u
#define SRAT_X2APIC  2u
#define SRAT_ENABLED 1u
#define SLIT_COUNT   36u
#define SLIT_MATRIX  44u
#define SLIT_LOCAL   10u
#define SLIT_REMOTE  20u
#define MCFG_ENTRIES 44u
#define MCFG_ENTRY   16u

static inline uint16_t acpi_get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t acpi_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t acpi_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* The sum of SIZE bytes: 0 for a whole table. */
uint8_t acpi_sum(const uint8_t *bytes, uint64_t size);

/* A table of the firmware, mapped. */
struct acpi_table {
    const uint8_t *data; /* NULL: none */
    uint64_t address;
    uint32_t size;
};

/* Map the table at ADDRESS. False if there is none, its length is absurd or its checksum wrong. */
bool acpi_table_map(uint64_t address, acpi_map_fn map, struct acpi_table *table);

bool acpi_table_is(const struct acpi_table *table, const char *signature);

/* An entry of MADT or SRAT: a type, a length, the rest. */
struct acpi_entry {
    const uint8_t *data;
    uint8_t type;
    uint8_t size;
};

/* The entry at *OFFSET, which moves on; false at the end of TABLE or where lengths are wrong. */
bool acpi_entry_next(const struct acpi_table *table, uint32_t *offset, struct acpi_entry *entry);

/* The address that XSDT (or RSDT) ROOT lists as number INDEX; 0 behind the last. */
uint64_t acpi_root_entry(const struct acpi_table *root, unsigned index);

/* Where acpi_read's parts add a line for the boot log. */
struct acpi_warning {
    char *text; /* or NULL */
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) void acpi_warn(struct acpi_warning *warning,
                                                     const char *format, ...);

/* The parts of acpi_read, one table each; INFO has the addresses. */
void acpi_fadt_read(acpi_map_fn map, struct acpi_info *info);
void acpi_dsdt_read(acpi_map_fn map, struct acpi_info *info);
bool acpi_madt_read(apic_id_t bsp, acpi_map_fn map, struct acpi_info *info, struct machine *machine,
                    struct acpi_warning *warning);
void acpi_numa_read(acpi_map_fn map, const struct acpi_info *info, struct machine *machine,
                    struct acpi_warning *warning);
