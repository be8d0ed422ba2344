/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI: reading the firmware's tables, and building those of the VMs (ACPI 6.4, chapter 5). */
#pragma once

#include "core/machine.h"
#include "core/place.h"

/* Reads SIZE bytes of physical memory: a pointer valid for them, or NULL. Injected, for tests. */
typedef const void *(*acpi_map_fn)(uint64_t address, uint64_t size);

#define ACPI_IOAPICS_MAX 8u

/* What the monitor needs from the firmware's tables. Zero where a table is missing. */
struct acpi_info {
    uint64_t rsdp, xsdt, rsdt, fadt, madt, srat, slit, mcfg, dsdt, hpet;
    struct {
        uint32_t id;
        uint32_t address;
        uint32_t gsi_base;
    } ioapics[ACPI_IOAPICS_MAX];
    unsigned ioapic_count;
    uint64_t ecam_base; /* MCFG, segment 0 */
    uint8_t ecam_bus_first, ecam_bus_last;
    uint32_t pm_timer_port; /* 0: none; 24 or 32 bits */
    bool pm_timer_32;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control; /* ports; 0: none */
    uint32_t smi_command;
    uint8_t acpi_enable;
    uint8_t s5_type_a, s5_type_b; /* SLP_TYP of S5; 0xff if the DSDT has none */
    uint8_t s3_type, s4_type;     /* 0xff if absent */
    bool reset_supported;
    uint16_t reset_port; /* if the reset register is a port, else 0 */
    uint8_t reset_value;
};

/*
 * Find the tables from the RSDP at RSDP (0: look for it in EBDA and E0000h..FFFFFh), fill INFO, and
 * MACHINE's cores and nodes: MADT types 0 and 9, only enabled ones, cpus[0] being the one with
 * APIC id BSP and the others in the MADT's order; core_id is each core's own here; SRAT; SLIT. RAM
 * isn't touched: acpi_assign_nodes cuts it. Checksums are verified; a bad table is ignored with a
 * line in WARNING (may be NULL; "" if all is well). False if there is no usable RSDP or MADT, or
 * if the MADT doesn't list BSP; then WARNING says so.
 */
bool acpi_read(uint64_t rsdp, apic_id_t bsp, acpi_map_fn map, struct acpi_info *info,
               struct machine *machine, char *warning, size_t warning_size);

/* Cut machine->ram at the borders of the SRAT's memory ranges and set each piece's node. */
void acpi_assign_nodes(const struct acpi_info *info, acpi_map_fn map, struct machine *machine);

/* Ports of the devices that the monitor emulates for a VM without real devices. */
#define GUEST_PORT_SLEEP_CONTROL 0x404u
#define GUEST_PORT_SLEEP_STATUS  0x405u
#define GUEST_PORT_RESET         0xcf9u
#define GUEST_S5_TYPE            5u

/*
 * The tables of a VM without devices: RSDP, XSDT, FADT (hardware-reduced, physical APIC
 * destinations, reset by port CF9 value 6, sleep control and status ports as above; no VGA, RTC,
 * 8042; MSI allowed), MADT (boot core first, ACPI ids from 0; type 0 for APIC ids below 255, else
 * type 9), DSDT (_S5 and a PCI root bridge, compiled from dsdt.asl), and SRAT and SLIT if the VM
 * spans nodes. Written to BUFFER as if it lay at guest-physical GPA (16-byte aligned). Returns the
 * bytes used, or 0 if SIZE is too small. The RSDP is at the start of the buffer.
 */
size_t acpi_build_guest(const struct machine *machine, const struct placement *place,
                        uint8_t *buffer, size_t size, gpa_t gpa);

/*
 * The service VM's tables: the firmware's XSDT (or RSDT) with MADT (only PLACE's cores, boot core
 * first, with the firmware's ACPI ids; all IO-APICs and overrides), FADT (SMI_CMD 0, the rest as it
 * was: the caller has switched ACPI on before, by writing acpi_enable to smi_command and waiting
 * for SCI_EN), and, if the VM spans nodes, SRAT (the firmware's domains, so its SLIT stays), else
 * neither; DMAR, IVRS, HEST, BERT, EINJ, ERST and WDAT are left out; all other tables are
 * referenced where they are, and the FADT's DSDT and FACS pointers stay. Otherwise as
 * acpi_build_guest.
 */
size_t acpi_build_service(const struct acpi_info *info, acpi_map_fn map,
                          const struct machine *machine, const struct placement *place,
                          uint8_t *buffer, size_t size, gpa_t gpa);
