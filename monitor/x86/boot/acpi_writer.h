/* SPDX-License-Identifier: Apache-2.0 */
/* Writing ACPI tables into a buffer: one behind the other, listed in an XSDT. */
#pragma once

#include "x86/boot/acpi_layout.h"

#define ACPI_LISTED_MAX 96u

/* What to write is set by the caller; the rest begins as zero. */
struct acpi_writer {
    const struct machine *machine;
    const struct placement *place;
    bool dense; /* ACPI ids and domains from 0, else the firmware's */
    uint8_t *buffer;
    size_t size;
    uint64_t gpa; /* of the buffer's first byte */
    size_t used;
    bool full;                        /* SIZE was too small: all later writes are dropped */
    uint64_t listed[ACPI_LISTED_MAX]; /* addresses for the XSDT */
    unsigned listed_count;
};

/* Append SIZE bytes of DATA, zeros if it is NULL. First of all the RSDP's place, RSDP_SIZE_2. */
void acpi_write(struct acpi_writer *writer, const void *data, size_t size);
/* Set the SIZE bytes of VALUE at offset AT, if so much has been written. */
void acpi_put(struct acpi_writer *writer, size_t at, uint64_t value, size_t size);

/* A table's header; returns its offset, for acpi_table_end. */
size_t acpi_table_begin(struct acpi_writer *writer, const char *signature, uint8_t revision);
/* A whole table of the firmware, to be changed and then ended as one of ours. */
size_t acpi_table_copy(struct acpi_writer *writer, const uint8_t *data, size_t size);
/* Set length and checksum, and list the table in the XSDT. */
void acpi_table_end(struct acpi_writer *writer, size_t start);
void acpi_write_list(struct acpi_writer *writer, uint64_t address);

/* Write XSDT and RSDP; returns the bytes used, 0 if they didn't fit. */
size_t acpi_write_finish(struct acpi_writer *writer);

/* MADT entries of the VM's cores, boot core first; its whole SRAT; its SLIT, if dense. */
void acpi_write_cpus(struct acpi_writer *writer);
void acpi_write_srat(struct acpi_writer *writer);
void acpi_write_slit(struct acpi_writer *writer);
