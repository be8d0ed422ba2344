/* SPDX-License-Identifier: Apache-2.0 */
/* Writing ACPI tables: headers, lengths, checksums, XSDT and RSDP (ACPI 6.4, 5.2.5 to 5.2.8). */
#include "x86/boot/acpi_writer.h"

#define TABLE_ALIGN 16u
#define OEM_ID      "MULLIO"
#define TABLE_ID    "MULLION "
#define CREATOR_ID  "MULL"

void acpi_write(struct acpi_writer *writer, const void *data, size_t size)
{
    if (writer->full || size > writer->size - writer->used) {
        writer->full = true;
        return;
    }
    memcpy(writer->buffer + writer->used, data, size);
    writer->used += size;
}

void acpi_write_zero(struct acpi_writer *writer, size_t size)
{
    for (; size > 0; size--)
        acpi_write8(writer, 0);
}

void acpi_write8(struct acpi_writer *writer, uint8_t value)
{
    acpi_write(writer, &value, sizeof(value));
}

void acpi_write16(struct acpi_writer *writer, uint16_t value)
{
    acpi_write(writer, &value, sizeof(value));
}

void acpi_write32(struct acpi_writer *writer, uint32_t value)
{
    acpi_write(writer, &value, sizeof(value));
}

void acpi_write64(struct acpi_writer *writer, uint64_t value)
{
    acpi_write(writer, &value, sizeof(value));
}

void acpi_write_port(struct acpi_writer *writer, uint16_t port)
{
    acpi_write8(writer, GAS_SYSTEM_IO);
    acpi_write8(writer, 8); /* bits wide */
    acpi_write8(writer, 0); /* bit offset */
    acpi_write8(writer, 1); /* byte access */
    acpi_write64(writer, port);
}

void acpi_write_start(struct acpi_writer *writer, uint8_t *buffer, size_t size, gpa_t gpa)
{
    writer->buffer = buffer;
    writer->size = size;
    writer->used = 0;
    writer->gpa = gpa.v;
    writer->full = false;
    writer->listed_count = 0;
    acpi_write_zero(writer, RSDP_SIZE_2);
}

static size_t table_align(struct acpi_writer *writer)
{
    acpi_write_zero(writer, -writer->used % TABLE_ALIGN);
    return writer->used;
}

size_t acpi_table_begin(struct acpi_writer *writer, const char *signature, uint8_t revision)
{
    size_t start = table_align(writer);
    acpi_write(writer, signature, 4);
    acpi_write32(writer, 0); /* length, later */
    acpi_write8(writer, revision);
    acpi_write8(writer, 0); /* checksum, later */
    acpi_write(writer, OEM_ID, 6);
    acpi_write(writer, TABLE_ID, 8);
    acpi_write32(writer, 1); /* OEM revision */
    acpi_write(writer, CREATOR_ID, 4);
    acpi_write32(writer, 1); /* creator revision */
    return start;
}

size_t acpi_table_copy(struct acpi_writer *writer, const uint8_t *data, size_t size)
{
    size_t start = table_align(writer);
    acpi_write(writer, data, size);
    return start;
}

void acpi_table_end(struct acpi_writer *writer, size_t start)
{
    if (writer->full)
        return;
    uint8_t *table = writer->buffer + start;
    uint32_t length = (uint32_t)(writer->used - start);
    memcpy(table + ACPI_LENGTH, &length, sizeof(length));
    table[ACPI_CHECKSUM] = 0;
    table[ACPI_CHECKSUM] = (uint8_t)-acpi_sum(table, length);
}

uint64_t acpi_write_address(const struct acpi_writer *writer, size_t start)
{
    return writer->gpa + start;
}

void acpi_write_list(struct acpi_writer *writer, uint64_t address)
{
    if (writer->listed_count < ACPI_LISTED_MAX)
        writer->listed[writer->listed_count++] = address;
    else
        writer->full = true;
}

static void write_rsdp(struct acpi_writer *writer, uint64_t xsdt)
{
    uint8_t *rsdp = writer->buffer;
    uint32_t length = RSDP_SIZE_2;
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, OEM_ID, 6);
    rsdp[RSDP_REVISION] = 2;
    memcpy(rsdp + RSDP_LENGTH, &length, sizeof(length));
    memcpy(rsdp + RSDP_XSDT, &xsdt, sizeof(xsdt));
    rsdp[RSDP_CHECKSUM] = (uint8_t)-acpi_sum(rsdp, RSDP_SIZE_1);
    rsdp[RSDP_CHECKSUM_2] = (uint8_t)-acpi_sum(rsdp, RSDP_SIZE_2);
}

size_t acpi_write_finish(struct acpi_writer *writer)
{
    size_t xsdt = acpi_table_begin(writer, "XSDT", 1);
    acpi_write(writer, writer->listed, writer->listed_count * sizeof(writer->listed[0]));
    acpi_table_end(writer, xsdt);
    if (writer->full)
        return 0;
    write_rsdp(writer, acpi_write_address(writer, xsdt));
    return writer->used;
}
