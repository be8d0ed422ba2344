/* SPDX-License-Identifier: Apache-2.0 */
/* Writing ACPI tables into a buffer: one behind the other, listed in an XSDT. */
#pragma once

#include "x86/boot/acpi_layout.h"

#define ACPI_LISTED_MAX 96u

struct acpi_writer {
    uint8_t *buffer;
    size_t size;
    size_t used;
    uint64_t gpa;                     /* of the buffer's first byte */
    bool full;                        /* SIZE was too small: all later writes are dropped */
    uint64_t listed[ACPI_LISTED_MAX]; /* addresses for the XSDT */
    unsigned listed_count;
};

/* Begin with the place of the RSDP. */
void acpi_write_start(struct acpi_writer *writer, uint8_t *buffer, size_t size, gpa_t gpa);

void acpi_write(struct acpi_writer *writer, const void *data, size_t size);
void acpi_write_zero(struct acpi_writer *writer, size_t size);
void acpi_write8(struct acpi_writer *writer, uint8_t value);
void acpi_write16(struct acpi_writer *writer, uint16_t value);
void acpi_write32(struct acpi_writer *writer, uint32_t value);
void acpi_write64(struct acpi_writer *writer, uint64_t value);

/* Generic address of an 8-bit port (ACPI 6.4, 5.2.3.2). */
void acpi_write_port(struct acpi_writer *writer, uint16_t port);

/* A table's header; returns its offset, for acpi_table_end, which sets length and checksum. */
size_t acpi_table_begin(struct acpi_writer *writer, const char *signature, uint8_t revision);
/* A whole table of the firmware, to be changed and then ended as one of ours. */
size_t acpi_table_copy(struct acpi_writer *writer, const uint8_t *data, size_t size);
void acpi_table_end(struct acpi_writer *writer, size_t start);

/* The address of what lies at offset START. */
uint64_t acpi_write_address(const struct acpi_writer *writer, size_t start);
/* List ADDRESS in the XSDT. */
void acpi_write_list(struct acpi_writer *writer, uint64_t address);

/* Write XSDT and RSDP; returns the bytes used, 0 if they didn't fit. */
size_t acpi_write_finish(struct acpi_writer *writer);

/* MADT entries of a VM's cores, boot core first. DENSE: ACPI ids from 0, else the firmware's. */
void acpi_write_cpus(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place, bool dense);
/* The whole SRAT of a VM, listed. DENSE: domains from 0, else the firmware's. */
void acpi_write_srat(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place, bool dense);
/* The SLIT of a VM with dense domains, listed. */
void acpi_write_slit(struct acpi_writer *writer, const struct machine *machine,
                     const struct placement *place);
