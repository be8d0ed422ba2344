/* SPDX-License-Identifier: Apache-2.0 */
/* Records as JSON (RFC 8259): {"vm": [{"name": "web", "cpus": [2, 3]}]}. */
#include <string.h>

#include "core/config_units.h"
#include "record.h"

/* Values that look like something else than what they are. */
enum kind { KIND_ANY, KIND_TEXT, KIND_BOOL, KIND_LIST };

static const struct {
    const char *key;
    enum kind kind;
} kinds[] = {
    {"name", KIND_TEXT},    {"vm", KIND_TEXT},      {"kernel", KIND_TEXT},   {"initrd", KIND_TEXT},
    {"cmdline", KIND_TEXT}, {"network", KIND_TEXT}, {"owner", KIND_TEXT},    {"mac", KIND_TEXT},
    {"rip", KIND_TEXT},     {"operand", KIND_TEXT}, {"what", KIND_TEXT},     {"service", KIND_BOOL},
    {"alike", KIND_BOOL},   {"saved", KIND_BOOL},   {"uploaded", KIND_BOOL}, {"cpus", KIND_LIST},
    {"may", KIND_LIST},     {"parked", KIND_LIST},
};

static enum kind find_kind(const char *key)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].key, key) == 0)
            return kinds[i].kind;
    return KIND_ANY;
}

static void print_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            fputs("\\n", out);
        else if (c < ' ' || c > '~')
            fprintf(out, "\\u%04x", c);
        else
            fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    putc('"', out);
}

/* The numbers of "0,2-4". Nothing if TEXT is no list. */
static void print_list(FILE *out, const char *text)
{
    const char *separator = "";
    putc('[', out);
    for (size_t length; *text != '\0'; text += length + (text[length] == ',' ? 1 : 0)) {
        uint64_t first, last;
        length = strcspn(text, ",");
        if (!config_units_range(text, length, &first, &last) || last >= MAX_CPUS)
            break;
        for (; first <= last; first++, separator = ", ")
            fprintf(out, "%s%lu", separator, first);
    }
    putc(']', out);
}

static void print_value(FILE *out, const struct field *field)
{
    uint64_t number;
    enum kind kind = find_kind(field->key);
    if (kind == KIND_LIST)
        print_list(out, field->value);
    else if (kind == KIND_BOOL)
        fputs(strcmp(field->value, "yes") == 0       ? "true"
              : strcmp(field->value, "unknown") == 0 ? "null"
                                                     : "false",
              out);
    else if (kind == KIND_ANY && config_units_number(field->value, strlen(field->value), &number) &&
             number != UINT64_MAX)
        fprintf(out, "%lu", number);
    else
        print_text(out, field->value);
}

static void print_record(FILE *out, const struct record *record)
{
    putc('{', out);
    for (unsigned i = 0; i < record->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_text(out, record->fields[i].key);
        fputs(": ", out);
        print_value(out, &record->fields[i]);
    }
    putc('}', out);
}

void record_print_json_line(FILE *out, const struct record *record)
{
    print_record(out, record);
    putc('\n', out);
}

static void print_kind(FILE *out, const struct records *records, const struct record *record)
{
    const char *separator = "", *kind = record->kind;
    print_text(out, kind);
    fputs(": [", out);
    for (; record != NULL; record = records_next(records, kind, record), separator = ",") {
        fprintf(out, "%s\n  ", separator);
        print_record(out, record);
    }
    putc(']', out);
}

void records_print_json(FILE *out, const struct records *records, const char *text)
{
    const char *separator = "";
    putc('{', out);
    for (unsigned i = 0; i < records->count; i++) {
        const struct record *record = &records->list[i];
        if (records_next(records, record->kind, NULL) != record)
            continue; /* printed with the first of its kind */
        fputs(separator, out);
        print_kind(out, records, record);
        separator = ",\n ";
    }
    if (text != NULL) {
        fprintf(out, "%s\"config\": ", separator);
        print_text(out, text);
    }
    fputs("}\n", out);
}
