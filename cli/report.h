/* SPDX-License-Identifier: Apache-2.0 */
/* What `mullion probe` has found: a line for each item, and the verdict. */
#pragma once

#include <stdbool.h>

#define REPORT_ITEMS_MAX 24u
#define REPORT_TEXT_MAX  512u

enum finding { ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN };

/* Without what is needed Mullion does not run, or runs nothing; the rest is good to know. */
enum weight { NEEDED, USEFUL };

struct report_item {
    const char *label;
    enum finding answer;
    enum weight weight;
    char text[REPORT_TEXT_MAX]; /* the value; for "no" also what to change */
};

struct report {
    struct report_item items[REPORT_ITEMS_MAX];
    unsigned count;
};

/* Add a line. LABEL must outlive the report. */
__attribute__((format(printf, 5, 6))) void report_add(struct report *report, enum weight weight,
                                                      const char *label, enum finding answer,
                                                      const char *format, ...);
/* How many needed items have this ANSWER. */
unsigned report_count(const struct report *report, enum finding answer);
void report_print(const struct report *report);
/* The last line: whether this machine can run Mullion. */
void report_print_verdict(const struct report *report);
