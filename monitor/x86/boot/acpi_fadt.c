/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed hardware's ports (FADT, ACPI 6.4, 5.2.9) and the sleep types (DSDT, 7.4.2). */
#include "x86/boot/acpi_layout.h"

#define AML_ROOT     0x5cu /* '\' */
#define AML_NAME     0x08u
#define AML_PACKAGE  0x12u
#define AML_ONE      0x01u /* or 0: the value itself */
#define AML_BYTE     0x0au
#define AML_WORD     0x0bu
#define AML_DWORD    0x0cu
#define AML_NO_VALUE 0xffu

/* The port of a generic address; 0 if it is none. */
static uint16_t fadt_port(const struct acpi_table *fadt, uint32_t offset)
{
    uint64_t address = acpi_get(fadt, offset + GAS_ADDRESS, 8);
    return acpi_get8(fadt, offset) == GAS_SYSTEM_IO && address <= UINT16_MAX ? (uint16_t)address
                                                                             : 0;
}

/* A block's extended field where it names a port, else the old one (5.2.9: X_ comes first). */
static uint32_t fadt_port_of(const struct acpi_table *fadt, enum fadt_block block)
{
    uint16_t port = fadt_port(fadt, FADT_X_BLOCKS + block * GAS_SIZE);
    uint32_t value = acpi_get32(fadt, FADT_BLOCKS + block * 4u);
    if (port != 0)
        return port;
    return value <= UINT16_MAX ? value : 0;
}

static void fadt_read(const struct acpi_table *fadt, struct acpi_info *info)
{
    info->dsdt = acpi_get(fadt, FADT_X_DSDT, 8);
    if (info->dsdt == 0)
        info->dsdt = acpi_get32(fadt, FADT_DSDT);
    info->smi_command = acpi_get32(fadt, FADT_SMI_COMMAND);
    info->acpi_enable = acpi_get8(fadt, FADT_ACPI_ENABLE);
    info->pm1a_event = fadt_port_of(fadt, PM1A_EVENT);
    info->pm1b_event = fadt_port_of(fadt, PM1B_EVENT);
    info->pm1a_control = fadt_port_of(fadt, PM1A_CONTROL);
    info->pm1b_control = fadt_port_of(fadt, PM1B_CONTROL);
    if (acpi_get8(fadt, FADT_PM_TIMER_LEN) == 4)
        info->pm_timer_port = fadt_port_of(fadt, PM_TIMER);
    uint32_t flags = acpi_get32(fadt, FADT_FLAGS);
    info->pm_timer_32 = (flags & FADT_FLAG_PM_TIMER_32) != 0;
    info->reset_supported = (flags & FADT_FLAG_RESET) != 0 && FADT_RESET_VALUE < fadt->size;
    if (info->reset_supported) {
        info->reset_port = fadt_port(fadt, FADT_RESET_REGISTER);
        info->reset_value = acpi_get8(fadt, FADT_RESET_VALUE);
    }
}

/* One small integer of a package at *AT, which moves on; AML_NO_VALUE if it is none (20.2.3). */
static uint8_t aml_integer(const struct acpi_table *dsdt, uint32_t *at)
{
    uint8_t opcode = *at < dsdt->size ? dsdt->data[*at] : AML_NO_VALUE;
    uint32_t bytes = opcode == AML_BYTE ? 1 : opcode == AML_WORD ? 2 : opcode == AML_DWORD ? 4 : 0;
    if ((bytes == 0 && opcode > AML_ONE) || dsdt->size - *at <= bytes)
        return AML_NO_VALUE;
    uint8_t value = bytes == 0 ? opcode : dsdt->data[*at + 1];
    *at += 1 + bytes;
    return value;
}

/* `Package () {a, b, ...}` at offset AT: the first two integers. */
static bool aml_sleep_package(const struct acpi_table *dsdt, uint32_t at, uint8_t *a, uint8_t *b)
{
    if (dsdt->size - at < 3 || dsdt->data[at] != AML_PACKAGE)
        return false;
    at += 2 + (dsdt->data[at + 1] >> 6); /* the length: bits 7:6 count its further bytes (20.2.4) */
    uint8_t elements = acpi_get8(dsdt, at++);
    if (elements == 0)
        return false;
    *a = aml_integer(dsdt, &at);
    *b = elements > 1 ? aml_integer(dsdt, &at) : *a;
    return *a != AML_NO_VALUE;
}

/* Look for the sleep state NAME in a DSDT; without an interpreter its bytes must do. */
static void dsdt_find_sleep(const struct acpi_table *dsdt, const char *name, uint8_t *a, uint8_t *b)
{
    for (uint32_t at = ACPI_HEADER_SIZE + 1; at + 4 <= dsdt->size; at++) {
        const uint8_t *bytes = dsdt->data + at;
        if (memcmp(bytes, name, 4) == 0 && (bytes[-1] == AML_NAME || bytes[-1] == AML_ROOT) &&
            aml_sleep_package(dsdt, at + 4, a, b))
            return;
    }
    *a = AML_NO_VALUE;
    *b = AML_NO_VALUE;
}

void acpi_fadt_read(const struct acpi_reader *reader)
{
    struct acpi_info *info = reader->info;
    struct acpi_table table;
    uint8_t unused;
    if (acpi_table_map(info->fadt, reader->map, &table))
        fadt_read(&table, info);
    if (!acpi_table_map(info->dsdt, reader->map, &table))
        return;
    dsdt_find_sleep(&table, "_S3_", &info->s3_type, &unused);
    dsdt_find_sleep(&table, "_S4_", &info->s4_type, &unused);
    dsdt_find_sleep(&table, "_S5_", &info->s5_type_a, &info->s5_type_b);
}
