/* SPDX-License-Identifier: Apache-2.0 */
/* Answers made of records: one a line, its kind, then keys and values. Any text is safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control.h"

struct field {
    const char *key, *value; /* both can be printed */
};

struct record {
    const char *kind;
    struct field *fields;
    unsigned count;
};

struct records {
    struct record *list;
    unsigned count;
    struct field *fields;
    char *text;
};

/* Take TEXT apart, of which a copy is made; false if a line is no record, or memory is short. */
bool records_read(struct records *records, const char *text, size_t length);
void records_free(struct records *records);

/* Send the request and read the records. Returns a STATUS_; what is wrong has been printed. */
__attribute__((format(printf, 2, 3))) int records_ask(struct records *records, const char *format,
                                                      ...);

/* The value of KEY, "" if there is none. */
const char *record_text(const struct record *record, const char *key);
/* The same as a number, 0 if it is none. */
uint64_t record_number(const struct record *record, const char *key);
bool record_is(const struct record *record, const char *key, const char *value);

/* The next record of this kind behind RECORD, or the first for NULL; NULL if there is none. */
const struct record *records_next(const struct records *records, const char *kind,
                                  const struct record *record);
/* The record of KIND that has VALUE as its KEY, or NULL. */
const struct record *records_find(const struct records *records, const char *kind, const char *key,
                                  const char *value);

/* Print an object that has, for each kind, the list of its records. TEXT, unless NULL, is one more
   member, called `config`. */
void records_print_json(FILE *out, const struct records *records, const char *text);
/* Print the one record as an object in a line of its own. */
void record_print_json_line(FILE *out, const struct record *record);
