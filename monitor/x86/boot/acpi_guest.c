/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI tables of a VM without devices: hardware-reduced (ACPI 6.4, 4.1 and 5.2.9). */
#include "gen/dsdt.h"
#include "x86/boot/acpi_writer.h"

#define FADT_REVISION    6u
#define FADT_MINOR_LEVEL 4u
#define MADT_REVISION    5u
#define LOCAL_APIC_BASE  0xfee00000u
#define RESET_FULL       6u /* CF9: hard reset of the processor */

/* Fields are written in order; this fills up to the next one that isn't 0. */
static void fill_to(struct acpi_writer *writer, size_t start, size_t offset)
{
    if (!writer->full)
        acpi_write_zero(writer, start + offset - writer->used);
}

/*
 * No fixed hardware: Linux then asks for no PIC, PIT, RTC and SCI. Physical destinations, because
 * without an IO-APIC it would choose cluster mode, whose 8-bit MSI destinations end at APIC id 7.
 */
static void write_fadt(struct acpi_writer *writer, uint64_t dsdt)
{
    size_t start = acpi_table_begin(writer, "FACP", FADT_REVISION);
    fill_to(writer, start, FADT_DSDT);
    acpi_write32(writer, dsdt <= UINT32_MAX ? (uint32_t)dsdt : 0);
    fill_to(writer, start, FADT_BOOT_ARCH);
    acpi_write16(writer, FADT_ARCH_NO_VGA | FADT_ARCH_NO_RTC);
    fill_to(writer, start, FADT_FLAGS);
    acpi_write32(writer, FADT_FLAG_WBINVD | FADT_FLAG_PROC_C1 | FADT_FLAG_NO_PWR_BUTTON |
                             FADT_FLAG_NO_SLP_BUTTON | FADT_FLAG_RESET | FADT_FLAG_APIC_PHYSICAL |
                             FADT_FLAG_HW_REDUCED);
    acpi_write_port(writer, GUEST_PORT_RESET);
    acpi_write8(writer, RESET_FULL);
    fill_to(writer, start, FADT_MINOR);
    acpi_write8(writer, FADT_MINOR_LEVEL);
    fill_to(writer, start, FADT_X_DSDT);
    acpi_write64(writer, dsdt);
    fill_to(writer, start, FADT_SLEEP_CONTROL);
    acpi_write_port(writer, GUEST_PORT_SLEEP_CONTROL);
    acpi_write_port(writer, GUEST_PORT_SLEEP_STATUS);
    fill_to(writer, start, FADT_SIZE);
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}

/* Flags 0: no 8259s (PCAT_COMPAT). */
static void write_madt(struct acpi_writer *writer, const struct machine *machine,
                       const struct placement *place)
{
    size_t start = acpi_table_begin(writer, "APIC", MADT_REVISION);
    acpi_write32(writer, LOCAL_APIC_BASE);
    acpi_write32(writer, 0);
    acpi_write_cpus(writer, machine, place, true);
    acpi_table_end(writer, start);
    acpi_write_list(writer, acpi_write_address(writer, start));
}

size_t acpi_build_guest(const struct machine *machine, const struct placement *place,
                        uint8_t *buffer, size_t size, gpa_t gpa)
{
    struct acpi_writer writer;
    acpi_write_start(&writer, buffer, size, gpa);
    size_t dsdt = acpi_table_copy(&writer, dsdt_aml_code, sizeof(dsdt_aml_code));
    write_fadt(&writer, acpi_write_address(&writer, dsdt));
    write_madt(&writer, machine, place);
    if (place->spans) {
        acpi_write_srat(&writer, machine, place, true);
        acpi_write_slit(&writer, machine, place);
    }
    return acpi_write_finish(&writer);
}
