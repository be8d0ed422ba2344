/* SPDX-License-Identifier: Apache-2.0 */
/* A table for people: columns as wide as they must be. */
#include "table.h"

#include <string.h>

#include "lib/fmt.h"

#define COLUMNS_MAX 16u

void show_size(const struct record *record, const char *key, char *cell, size_t size)
{
    fmt_size(cell, size, record_number(record, key));
}

void show_address(const struct record *record, const char *key, char *cell, size_t size)
{
    snprintf(cell, size, "0x%lx", record_number(record, key));
}

void show_or_dash(const struct record *record, const char *key, char *cell, size_t size)
{
    const char *text = record_text(record, key);
    bool none = text[0] == '\0' || strcmp(text, "none") == 0;
    snprintf(cell, size, "%s", none ? "-" : text);
}

static void show(const struct column *column, const struct record *record, char *cell)
{
    if (column->show != NULL)
        column->show(record, column->key, cell, TABLE_CELL_MAX);
    else
        snprintf(cell, TABLE_CELL_MAX, "%s", record_text(record, column->key));
}

static int most(int width, const char *text)
{
    int length = (int)strlen(text);
    return length > width ? length : width;
}

static void print_cell(FILE *out, const struct column *column, const char *text, int width)
{
    if (column->right)
        fprintf(out, "%*s", width, text);
    else if (column[1].title == NULL)
        fprintf(out, "%s", text);
    else
        fprintf(out, "%-*s", width, text);
    fputs(column[1].title == NULL ? "\n" : "  ", out);
}

void table_print(FILE *out, const struct records *records, const char *kind,
                 const struct column *columns)
{
    char cell[TABLE_CELL_MAX];
    int widths[COLUMNS_MAX];
    const struct record *record = NULL;
    if (records_next(records, kind, NULL) == NULL)
        return;
    for (unsigned i = 0; columns[i].title != NULL; i++) {
        widths[i] = most(0, columns[i].title);
        while ((record = records_next(records, kind, record)) != NULL) {
            show(&columns[i], record, cell);
            widths[i] = most(widths[i], cell);
        }
    }
    for (unsigned i = 0; columns[i].title != NULL; i++)
        print_cell(out, &columns[i], columns[i].title, widths[i]);
    while ((record = records_next(records, kind, record)) != NULL)
        for (unsigned i = 0; columns[i].title != NULL; i++) {
            show(&columns[i], record, cell);
            print_cell(out, &columns[i], cell, widths[i]);
        }
}
