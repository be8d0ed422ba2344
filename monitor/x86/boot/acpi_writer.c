/* SPDX-License-Identifier: Apache-2.0 */
/* Writing ACPI tables: headers, lengths, checksums, XSDT and RSDP (ACPI 6.4, 5.2.5 to 5.2.8). */
#include "x86/boot/acpi_writer.h"

#define TABLE_ALIGN 16u
#define OEM_ID      "MULLIO"
/* OEM table id and revision, creator id and revision. */
#define TABLE_MAKER OEM_ID "MULLION \1\0\0\0MULL\1\0\0\0"

void acpi_write(struct acpi_writer *writer, const void *data, size_t size)
{
    if (writer->full || size > writer->size - writer->used) {
        writer->full = true;
        return;
    }
    if (data != NULL)
        memcpy(writer->buffer + writer->used, data, size);
    else
        memset(writer->buffer + writer->used, 0, size);
    writer->used += size;
}

void acpi_put(struct acpi_writer *writer, size_t at, uint64_t value, size_t size)
{
    if (at <= writer->used && size <= writer->used - at)
        memcpy(writer->buffer + at, &value, size);
}

size_t acpi_table_begin(struct acpi_writer *writer, const char *signature, uint8_t revision)
{
    uint8_t header[ACPI_HEADER_SIZE] = {0};
    memcpy(header, signature, 4);
    header[ACPI_REVISION] = revision;
    memcpy(header + ACPI_OEM_ID, TABLE_MAKER, ACPI_HEADER_SIZE - ACPI_OEM_ID);
    return acpi_table_copy(writer, header, sizeof(header));
}

size_t acpi_table_copy(struct acpi_writer *writer, const uint8_t *data, size_t size)
{
    acpi_write(writer, NULL, -writer->used % TABLE_ALIGN);
    size_t start = writer->used;
    acpi_write(writer, data, size);
    return start;
}

/* Make the byte at offset AT such that the sum of SIZE bytes from START on is 0. */
static void put_checksum(struct acpi_writer *writer, size_t start, size_t size, size_t at)
{
    acpi_put(writer, start + at, 0, 1);
    acpi_put(writer, start + at, (uint8_t)-acpi_sum(writer->buffer + start, size), 1);
}

void acpi_table_end(struct acpi_writer *writer, size_t start)
{
    acpi_put(writer, start + ACPI_LENGTH, writer->used - start, sizeof(uint32_t));
    put_checksum(writer, start, writer->used - start, ACPI_CHECKSUM);
    acpi_write_list(writer, writer->gpa + start);
}

void acpi_write_list(struct acpi_writer *writer, uint64_t address)
{
    if (writer->listed_count < ACPI_LISTED_MAX)
        writer->listed[writer->listed_count++] = address;
    else
        writer->full = true;
}

size_t acpi_write_finish(struct acpi_writer *writer)
{
    size_t xsdt = acpi_table_begin(writer, "XSDT", 1);
    acpi_write(writer, writer->listed, writer->listed_count * sizeof(writer->listed[0]));
    writer->listed_count = 0; /* they are written; the XSDT itself is not listed */
    acpi_table_end(writer, xsdt);
    if (writer->full)
        return 0;
    memcpy(writer->buffer, "RSD PTR \0" OEM_ID "\2", RSDP_RSDT); /* of revision 2, without RSDT */
    acpi_put(writer, RSDP_LENGTH, RSDP_SIZE_2, sizeof(uint32_t));
    acpi_put(writer, RSDP_XSDT, writer->gpa + xsdt, sizeof(uint64_t));
    put_checksum(writer, 0, RSDP_SIZE_1, RSDP_CHECKSUM);
    put_checksum(writer, 0, RSDP_SIZE_2, RSDP_CHECKSUM_2);
    return writer->used;
}
