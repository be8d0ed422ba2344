/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets in the firmware's tables, and reading them (ACPI 6.4, chapter 5.2). */
#pragma once

#include "lib/string.h"
#include "x86/boot/acpi.h"

#define ACPI_HEADER_SIZE 36u /* 5.2.6: signature, length, revision, checksum, ids */
#define ACPI_LENGTH      4u
#define ACPI_REVISION    8u
#define ACPI_CHECKSUM    9u
#define ACPI_OEM_ID      10u
#define ROOT_MAX         256u       /* entries of XSDT or RSDT looked at */
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
#define FADT_BLOCKS         56u /* ports of fixed hardware, see enum fadt_block; 4 bytes each */
#define FADT_PM_TIMER_LEN   91u
#define FADT_CST_CONTROL    95u
#define FADT_BOOT_ARCH      109u
#define FADT_FLAGS          112u
#define FADT_RESET_REGISTER 116u
#define FADT_RESET_VALUE    128u
#define FADT_MINOR          131u
#define FADT_X_DSDT         140u
#define FADT_X_BLOCKS       148u /* the same as generic addresses */
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
#define GAS_PORT      0x01000801u /* system I/O, 8 bits wide from bit 0 on, byte access */

enum fadt_block { PM1A_EVENT, PM1B_EVENT, PM1A_CONTROL, PM1B_CONTROL, PM2_CONTROL, PM_TIMER };

/* MADT, 5.2.12 */
enum { MADT_APIC, MADT_IOAPIC, MADT_OVERRIDE, MADT_NMI_SOURCE, MADT_APIC_NMI, MADT_ADDRESS };
enum { MADT_X2APIC = 9, MADT_X2APIC_NMI };
#define MADT_ENTRIES  44u
#define MADT_ENABLED  1u
#define MADT_APIC_MAX 255u /* ids from here on need an x2APIC entry */

/* SRAT, 5.2.16; SLIT, 5.2.17; MCFG (PCI firmware specification, 4.1.2) */
enum { SRAT_APIC, SRAT_MEMORY, SRAT_X2APIC };
#define SRAT_ENTRIES 48u
#define SRAT_ENABLED 1u
#define SLIT_COUNT   36u
#define SLIT_MATRIX  44u
#define SLIT_LOCAL   10u
#define SLIT_REMOTE  20u
#define MCFG_ENTRIES 44u
#define MCFG_ENTRY   16u

/* A table of the firmware, mapped, or an entry in one. */
struct acpi_table {
    const uint8_t *data; /* NULL: none */
    uint64_t address;
    uint32_t size;
};

/* The sum of SIZE bytes: 0 for a whole table. */
uint8_t acpi_sum(const uint8_t *bytes, uint64_t size);

/* The number of SIZE bytes at OFFSET; 0 where TABLE is too short for it. */
uint64_t acpi_get(const struct acpi_table *table, uint64_t offset, uint32_t size);
uint8_t acpi_get8(const struct acpi_table *table, uint64_t offset);
uint32_t acpi_get32(const struct acpi_table *table, uint64_t offset);

/* Map the table at ADDRESS. False if there is none, its length is absurd or its checksum wrong. */
bool acpi_table_map(uint64_t address, acpi_map_fn map, struct acpi_table *table);

bool acpi_table_is(const struct acpi_table *table, const char *signature);

/*
 * The entry of MADT or SRAT at *OFFSET, which moves on: a type, a length, the rest. False at the
 * end of TABLE or where lengths are wrong.
 */
bool acpi_entry_next(const struct acpi_table *table, uint32_t *offset, struct acpi_table *entry);

/* The address that XSDT (or RSDT) ROOT lists as number INDEX; 0 behind the last. */
uint64_t acpi_root_entry(const struct acpi_table *root, unsigned index);

/* What acpi_read's parts read and fill; TEXT is where they add a line for the boot log. */
struct acpi_reader {
    acpi_map_fn map;
    struct acpi_info *info;
    struct machine *machine;
    char *text; /* or NULL */
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) void acpi_warn(struct acpi_reader *reader, const char *format,
                                                     ...);

/* The parts of acpi_read; info has the addresses. */
void acpi_fadt_read(const struct acpi_reader *reader);
bool acpi_madt_read(struct acpi_reader *reader, apic_id_t bsp);
void acpi_numa_read(struct acpi_reader *reader);
