/* SPDX-License-Identifier: Apache-2.0 */
/* Linux' exception table: which instructions may fault. */
#include "ex_table.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

struct ex_table ex_table_find(const struct image *image)
{
    const struct symbol *start = image_symbol(image, "__start___ex_table");
    const struct symbol *stop = image_symbol(image, "__stop___ex_table");
    struct ex_table table = {0};
    if (image->relocatable || start == NULL || stop == NULL || stop->address <= start->address)
        return table;
    table.address = start->address;
    table.size = stop->address - start->address;
    const struct section *section = image_section_at(image, table.address);
    const uint8_t *bytes =
        section != NULL ? section_bytes(section, table.address, table.size) : NULL;
    if (bytes == NULL || table.size % EX_TABLE_ENTRY != 0)
        fail("%s: its exception table at %llx is not whole; build it again", image->path,
             (unsigned long long)table.address);
    table.count = table.size / EX_TABLE_ENTRY;
    table.instructions = allocate(table.count, sizeof(uint64_t));
    for (size_t i = 0; i < table.count; i++) {
        int32_t distance;
        memcpy(&distance, bytes + i * EX_TABLE_ENTRY, sizeof(distance));
        table.instructions[i] = table.address + i * EX_TABLE_ENTRY + (uint64_t)(int64_t)distance;
    }
    qsort(table.instructions, table.count, sizeof(uint64_t), by_value);
    return table;
}

bool ex_table_has(const struct ex_table *table, uint64_t instruction)
{
    return table->count > 0 && bsearch(&instruction, table->instructions, table->count,
                                       sizeof(uint64_t), by_value) != NULL;
}

void ex_table_free(struct ex_table *table)
{
    free(table->instructions);
}
