/* SPDX-License-Identifier: Apache-2.0 */
/* What `mullion probe` has found, printed. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

void report_add(struct report *report, enum weight weight, const char *label, enum finding answer,
                const char *format, ...)
{
    struct report_item *item = &report->items[report->count++];
    *item = (struct report_item){.label = label, .answer = answer, .weight = weight};
    va_list args;
    va_start(args, format);
    vsnprintf(item->text, sizeof(item->text), format, args);
    va_end(args);
}

unsigned report_count(const struct report *report, enum finding answer)
{
    unsigned count = 0;
    for (unsigned i = 0; i < report->count; i++)
        if (report->items[i].weight == NEEDED && report->items[i].answer == answer)
            count++;
    return count;
}

static void print_items(const struct report *report, enum weight weight)
{
    static const char *const words[] = {"yes", "no", "unknown"};
    for (unsigned i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        if (item->weight == weight)
            printf("  %-16s %-8s %s\n", item->label, words[item->answer], item->text);
    }
}

void report_print(const struct report *report)
{
    printf("needed\n");
    print_items(report, NEEDED);
    printf("good to know\n");
    print_items(report, USEFUL);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

void report_print_verdict(const struct report *report)
{
    unsigned missing = report_count(report, ANSWER_NO);
    unsigned unknown = report_count(report, ANSWER_UNKNOWN);
    if (missing > 0)
        printf("this machine cannot run Mullion: %u thing%s to change", missing, plural(missing));
    else
        printf("this machine can run Mullion");
    if (unknown > 0)
        printf("%s %u thing%s could not be seen", missing > 0 ? ";" : ", but", unknown,
               plural(unknown));
    printf("\n");
}
