/* SPDX-License-Identifier: Apache-2.0 */
/* A table for people: columns as wide as they must be. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "record.h"

#define TABLE_CELL_MAX 256u

/* One column of a listing of records. */
struct column {
    const char *title;
    const char *key;
    bool right; /* aligned, as numbers are */
    /* What to show of the record's value; NULL: the value as it is. */
    void (*show)(const struct record *record, const char *key, char *cell, size_t size);
};

/* Ready functions for `show`: a size such as 512M; an address; the value, or `-` for none. */
void show_size(const struct record *record, const char *key, char *cell, size_t size);
void show_address(const struct record *record, const char *key, char *cell, size_t size);
void show_or_dash(const struct record *record, const char *key, char *cell, size_t size);

/* Print the records of KIND, unless there is none. COLUMNS ends with one without a title. */
void table_print(FILE *out, const struct records *records, const char *kind,
                 const struct column *columns);
