/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI tables of a VM without devices: hardware-reduced (ACPI 6.4, 4.1 and 5.2.9). */
#include "gen/dsdt.h"
#include "x86/boot/acpi_writer.h"

#define FADT_REVISION    6u
#define FADT_MINOR_LEVEL 4u
#define MADT_REVISION    5u
#define LOCAL_APIC_BASE  0xfee00000u
#define RESET_FULL       6u /* CF9: hard reset of the processor */

/* The generic address of an 8-bit port (5.2.3.2) at offset AT. */
static void put_port(struct acpi_writer *writer, size_t at, uint16_t port)
{
    acpi_put(writer, at, GAS_PORT, sizeof(uint32_t));
    acpi_put(writer, at + GAS_ADDRESS, port, sizeof(uint64_t));
}

/*
 * No fixed hardware: Linux then asks for no PIC, PIT, RTC and SCI. Physical destinations, because
 * without an IO-APIC it would choose cluster mode, whose 8-bit MSI destinations end at APIC id 7.
 */
static void write_fadt(struct acpi_writer *writer, uint64_t dsdt)
{
    size_t start = acpi_table_begin(writer, "FACP", FADT_REVISION);
    acpi_write(writer, NULL, FADT_SIZE - ACPI_HEADER_SIZE);
    acpi_put(writer, start + FADT_DSDT, dsdt <= UINT32_MAX ? dsdt : 0, sizeof(uint32_t));
    acpi_put(writer, start + FADT_BOOT_ARCH, FADT_ARCH_NO_VGA | FADT_ARCH_NO_RTC, sizeof(uint16_t));
    acpi_put(writer, start + FADT_FLAGS,
             FADT_FLAG_WBINVD | FADT_FLAG_PROC_C1 | FADT_FLAG_NO_PWR_BUTTON |
                 FADT_FLAG_NO_SLP_BUTTON | FADT_FLAG_RESET | FADT_FLAG_APIC_PHYSICAL |
                 FADT_FLAG_HW_REDUCED,
             sizeof(uint32_t));
    put_port(writer, start + FADT_RESET_REGISTER, GUEST_PORT_RESET);
    acpi_put(writer, start + FADT_RESET_VALUE, RESET_FULL, 1);
    acpi_put(writer, start + FADT_MINOR, FADT_MINOR_LEVEL, 1);
    acpi_put(writer, start + FADT_X_DSDT, dsdt, sizeof(uint64_t));
    put_port(writer, start + FADT_SLEEP_CONTROL, GUEST_PORT_SLEEP_CONTROL);
    put_port(writer, start + FADT_SLEEP_STATUS, GUEST_PORT_SLEEP_STATUS);
    acpi_table_end(writer, start);
}

static void write_madt(struct acpi_writer *writer)
{
    static const uint32_t apic_and_flags[] = {LOCAL_APIC_BASE, 0}; /* 0: no 8259s (PCAT_COMPAT) */
    size_t start = acpi_table_begin(writer, "APIC", MADT_REVISION);
    acpi_write(writer, apic_and_flags, sizeof(apic_and_flags));
    acpi_write_cpus(writer);
    acpi_table_end(writer, start);
}

size_t acpi_build_guest(const struct machine *machine, const struct placement *place,
                        uint8_t *buffer, size_t size, gpa_t gpa)
{
    struct acpi_writer writer = {machine, place, true, buffer, size, gpa.v, .used = 0};
    acpi_write(&writer, NULL, RSDP_SIZE_2);
    size_t dsdt = acpi_table_copy(&writer, dsdt_aml_code, sizeof(dsdt_aml_code));
    write_fadt(&writer, writer.gpa + dsdt);
    write_madt(&writer);
    if (place->spans) {
        acpi_write_srat(&writer);
        acpi_write_slit(&writer);
    }
    return acpi_write_finish(&writer);
}
