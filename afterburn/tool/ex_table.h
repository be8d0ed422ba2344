/* SPDX-License-Identifier: Apache-2.0 */
/* Linux' exception table: which instructions may fault. */
#pragma once

#include "image.h"

#define EX_TABLE_ENTRY 12u /* bytes: distances of the instruction and of its fixup, and data */

struct ex_table {
    uint64_t address, size; /* size 0: the guest has none */
    uint64_t *instructions; /* rising */
    size_t count;
};

struct ex_table ex_table_find(const struct image *image);
bool ex_table_has(const struct ex_table *table, uint64_t instruction);
void ex_table_free(struct ex_table *table);
