/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed hardware's ports (FADT, ACPI 6.4, 5.2.9) and the sleep types (DSDT, 7.4.2). */
#include "x86/boot/acpi_layout.h"

#define AML_ROOT     0x5cu /* '\' */
#define AML_NAME     0x08u
#define AML_PACKAGE  0x12u
#define AML_ZERO     0x00u
#define AML_ONE      0x01u
#define AML_BYTE     0x0au
#define AML_WORD     0x0bu
#define AML_DWORD    0x0cu
#define AML_NO_VALUE 0xffu

/* A field of the FADT; 0 where the table is too short for it. */
static uint32_t fadt_get32(const struct acpi_table *fadt, uint32_t offset)
{
    return offset + 4 <= fadt->size ? acpi_get32(fadt->data + offset) : 0;
}

static uint8_t fadt_get8(const struct acpi_table *fadt, uint32_t offset)
{
    return offset < fadt->size ? fadt->data[offset] : 0;
}

/* The port of a generic address; 0 if it is none. */
static uint16_t fadt_port(const struct acpi_table *fadt, uint32_t offset)
{
    if (offset + GAS_SIZE > fadt->size || fadt->data[offset] != GAS_SYSTEM_IO)
        return 0;
    uint64_t address = acpi_get64(fadt->data + offset + GAS_ADDRESS);
    return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* The extended field where it names a port, else the old one (5.2.9: X_ fields come first). */
static uint32_t fadt_block(const struct acpi_table *fadt, uint32_t extended, uint32_t old)
{
    uint16_t port = fadt_port(fadt, extended);
    uint32_t value = fadt_get32(fadt, old);
    if (port != 0)
        return port;
    return value <= UINT16_MAX ? value : 0;
}

void acpi_fadt_read(acpi_map_fn map, struct acpi_info *info)
{
    struct acpi_table fadt;
    if (!acpi_table_map(info->fadt, map, &fadt))
        return;
    info->dsdt = fadt_get32(&fadt, FADT_DSDT);
    if (FADT_X_DSDT + 8 <= fadt.size && acpi_get64(fadt.data + FADT_X_DSDT) != 0)
        info->dsdt = acpi_get64(fadt.data + FADT_X_DSDT);
    info->smi_command = fadt_get32(&fadt, FADT_SMI_COMMAND);
    info->acpi_enable = fadt_get8(&fadt, FADT_ACPI_ENABLE);
    info->pm1a_event = fadt_block(&fadt, FADT_X_PM1A_EVENT, FADT_PM1A_EVENT);
    info->pm1b_event = fadt_block(&fadt, FADT_X_PM1B_EVENT, FADT_PM1B_EVENT);
    info->pm1a_control = fadt_block(&fadt, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
    info->pm1b_control = fadt_block(&fadt, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL);
    if (fadt_get8(&fadt, FADT_PM_TIMER_LEN) == 4)
        info->pm_timer_port = fadt_block(&fadt, FADT_X_PM_TIMER, FADT_PM_TIMER);
    uint32_t flags = fadt_get32(&fadt, FADT_FLAGS);
    info->pm_timer_32 = (flags & FADT_FLAG_PM_TIMER_32) != 0;
    info->reset_supported = (flags & FADT_FLAG_RESET) != 0 && FADT_RESET_VALUE < fadt.size;
    if (info->reset_supported) {
        info->reset_port = fadt_port(&fadt, FADT_RESET_REGISTER);
        info->reset_value = fadt_get8(&fadt, FADT_RESET_VALUE);
    }
}

/* One small integer of a package at *AT, which moves on; AML_NO_VALUE if it is none (20.2.3). */
static uint8_t aml_integer(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    if (p >= end)
        return AML_NO_VALUE;
    if (*p == AML_ZERO || *p == AML_ONE) {
        *at = p + 1;
        return *p;
    }
    unsigned bytes = *p == AML_BYTE ? 1 : *p == AML_WORD ? 2 : *p == AML_DWORD ? 4 : 0;
    if (bytes == 0 || (size_t)(end - p) <= bytes)
        return AML_NO_VALUE;
    *at = p + 1 + bytes;
    return p[1];
}

/* `Name (NAME, Package () {a, b, ...})` with its name at P: the first two integers. */
static bool aml_sleep_package(const uint8_t *p, const uint8_t *end, uint8_t types[2])
{
    p += 4;
    if (end - p < 3 || *p != AML_PACKAGE)
        return false;
    p += 2 + (p[1] >> 6); /* the package length: bits 7:6 count its further bytes (20.2.4) */
    if (p >= end || *p == 0)
        return false;
    unsigned elements = *p++;
    types[0] = aml_integer(&p, end);
    types[1] = elements > 1 ? aml_integer(&p, end) : types[0];
    return types[0] != AML_NO_VALUE;
}

/* Look for the sleep state NAME in a DSDT; without an interpreter its bytes must do. */
static void dsdt_find_sleep(const struct acpi_table *dsdt, const char *name, uint8_t types[2])
{
    const uint8_t *end = dsdt->data + dsdt->size;
    for (const uint8_t *p = dsdt->data + ACPI_HEADER_SIZE + 1; end - p >= 4; p++) {
        if (memcmp(p, name, 4) != 0 || (p[-1] != AML_NAME && p[-1] != AML_ROOT))
            continue;
        if (aml_sleep_package(p, end, types))
            return;
    }
    types[0] = AML_NO_VALUE;
    types[1] = AML_NO_VALUE;
}

void acpi_dsdt_read(acpi_map_fn map, struct acpi_info *info)
{
    struct acpi_table dsdt;
    uint8_t s3[2], s4[2], s5[2];
    if (!acpi_table_map(info->dsdt, map, &dsdt) || dsdt.size == ACPI_HEADER_SIZE)
        return;
    dsdt_find_sleep(&dsdt, "_S3_", s3);
    dsdt_find_sleep(&dsdt, "_S4_", s4);
    dsdt_find_sleep(&dsdt, "_S5_", s5);
    info->s3_type = s3[0];
    info->s4_type = s4[0];
    info->s5_type_a = s5[0];
    info->s5_type_b = s5[1];
}
