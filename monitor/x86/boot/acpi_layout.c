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

bool acpi_table_map(uint64_t address, acpi_map_fn map, struct acpi_table *table)
{
    *table = (struct acpi_table){NULL, address, 0};
    if (address == 0 || address > UINT64_MAX - ACPI_TABLE_MAX)
        return false;
    const uint8_t *header = map(address, ACPI_HEADER_SIZE);
    if (header == NULL)
        return false;
    uint32_t size = acpi_get32(header + ACPI_LENGTH);
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

bool acpi_entry_next(const struct acpi_table *table, uint32_t *offset, struct acpi_entry *entry)
{
    if (*offset > table->size || table->size - *offset < 2)
        return false;
    entry->data = table->data + *offset;
    entry->type = entry->data[0];
    entry->size = entry->data[1];
    if (entry->size < 2 || entry->size > table->size - *offset)
        return false;
    *offset += entry->size;
    return true;
}

uint64_t acpi_root_entry(const struct acpi_table *root, unsigned index)
{
    unsigned width = acpi_table_is(root, "XSDT") ? 8 : 4;
    if (index >= (root->size - ACPI_HEADER_SIZE) / width)
        return 0;
    const uint8_t *at = root->data + ACPI_HEADER_SIZE + (uint64_t)index * width;
    return width == 8 ? acpi_get64(at) : acpi_get32(at);
}

void acpi_warn(struct acpi_warning *warning, const char *format, ...)
{
    va_list args;
    if (warning->text == NULL || warning->used + 1 >= warning->size)
        return;
    if (warning->used > 0)
        warning->text[warning->used++] = '\n';
    va_start(args, format);
    warning->used +=
        fmt_text_va(warning->text + warning->used, warning->size - warning->used, format, args);
    va_end(args);
}
