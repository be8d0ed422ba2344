/* SPDX-License-Identifier: Apache-2.0 */
/* Access to tables that may hold anything: every length is checked before it is believed. */
#include "x86/boot/acpi_layout.h"

#include "lib/fmt.h"

uint8_t acpi_sum(const uint8_t *bytes, uint64_t size)
{
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

uint64_t acpi_get(const struct acpi_table *table, uint64_t offset, uint32_t size)
{
    uint64_t value = 0;
    if (offset <= table->size && size <= table->size - offset)
        memcpy(&value, table->data + offset, size);
    return value;
}

uint8_t acpi_get8(const struct acpi_table *table, uint64_t offset)
{
    return (uint8_t)acpi_get(table, offset, sizeof(uint8_t));
}

uint32_t acpi_get32(const struct acpi_table *table, uint64_t offset)
{
    return (uint32_t)acpi_get(table, offset, sizeof(uint32_t));
}

bool acpi_table_map(uint64_t address, acpi_map_fn map, struct acpi_table *table)
{
    struct acpi_table header = {.address = address, .size = ACPI_HEADER_SIZE};
    *table = (struct acpi_table){.address = address};
    if (address == 0 || address > UINT64_MAX - ACPI_TABLE_MAX)
        return false;
    header.data = map(address, header.size);
    if (header.data == NULL)
        return false;
    uint32_t size = acpi_get32(&header, ACPI_LENGTH);
    if (size < ACPI_HEADER_SIZE || size > ACPI_TABLE_MAX)
        return false;
    const uint8_t *data = map(address, size);
    if (data == NULL || acpi_sum(data, size) != 0)
        return false;
    table->data = data;
    table->size = size;
    return true;
}

bool acpi_table_is(const struct acpi_table *table, const char *signature)
{
    return memcmp(table->data, signature, 4) == 0;
}

bool acpi_entry_next(const struct acpi_table *table, uint32_t *offset, struct acpi_table *entry)
{
    if (*offset > table->size || table->size - *offset < 2)
        return false;
    uint8_t size = acpi_get8(table, *offset + 1);
    if (size < 2 || size > table->size - *offset)
        return false;
    *entry = (struct acpi_table){.data = table->data + *offset, .size = size};
    *offset += size;
    return true;
}

uint64_t acpi_root_entry(const struct acpi_table *root, unsigned index)
{
    uint32_t width = acpi_table_is(root, "XSDT") ? 8 : 4;
    return acpi_get(root, ACPI_HEADER_SIZE + (uint64_t)index * width, width);
}

void acpi_warn(struct acpi_reader *reader, const char *format, ...)
{
    va_list args;
    if (reader->text == NULL || reader->used + 1 >= reader->size)
        return;
    if (reader->used > 0)
        reader->text[reader->used++] = '\n';
    va_start(args, format);
    reader->used +=
        fmt_text_va(reader->text + reader->used, reader->size - reader->used, format, args);
    va_end(args);
}
