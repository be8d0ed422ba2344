/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of a VM's events, followed: `events from A to B lost L`, then a record for each. */
#include "trace.h"

#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "record.h"
#include "summary.h"
#include "timer.h"

#define LOOK_MS 200

/* Of so many events in one answer it is likely that there are more. With less there is time: a look
   may itself make the service VM do what is traced. */
#define MANY 100u

#define LINE_FORMAT "%-10s %-16s %-4s %-18s %-20s %s\n"

struct trace {
    const struct options *options;
    uint64_t from; /* the next event's number */
    bool begun;
};

/* Whether WHAT, such as `exception-14`, is one of the list "rdtsc,exception". */
static bool is_wanted(const char *list, const char *what)
{
    if (list == NULL)
        return true;
    for (size_t length; *list != '\0'; list += length + (list[length] == ',' ? 1 : 0)) {
        length = strcspn(list, ",");
        if (length > 0 && strncmp(list, what, length) == 0 &&
            (what[length] == '\0' || what[length] == '-'))
            return true;
    }
    return false;
}

static void tell_lost(const struct trace *trace, uint64_t lost)
{
    if (trace->options->summary)
        summary_add_lost(lost);
    else if (trace->options->json)
        printf("{\"lost\": %lu}\n", lost);
    else
        printf("... %lu event%s lost\n", lost, lost == 1 ? "" : "s");
}

static void tell_event(const struct trace *trace, const struct record *event)
{
    if (!is_wanted(trace->options->event, record_text(event, "what")))
        return;
    if (trace->options->summary)
        summary_add(record_text(event, "what"), record_text(event, "rip"));
    else if (trace->options->json)
        record_print_json_line(stdout, event);
    else
        printf(LINE_FORMAT, record_text(event, "number"), record_text(event, "tsc"),
               record_text(event, "cpu"), record_text(event, "rip"), record_text(event, "what"),
               record_text(event, "operand"));
}

/* Tell the events of one answer, which have ever larger numbers. */
static bool tell_events(struct trace *trace, const struct records *records)
{
    const struct record *events = records_next(records, "events", NULL), *event = NULL;
    if (events == NULL || record_text(events, "from")[0] == '\0' ||
        record_text(events, "to")[0] == '\0' || record_number(events, "from") < trace->from)
        return false;
    uint64_t lost = record_number(events, "from") - trace->from;
    /* What was before the first look is nobody's loss. */
    if (lost > 0 && trace->begun)
        tell_lost(trace, lost);
    trace->from += lost;
    trace->begun = true;
    while ((event = records_next(records, "event", event)) != NULL) {
        uint64_t number = record_number(event, "number");
        if (record_text(event, "number")[0] == '\0' || number < trace->from || number == UINT64_MAX)
            return false;
        trace->from = number + 1;
        tell_event(trace, event);
    }
    return true;
}

/* Read on; *MANY: there may be more at once. Returns a STATUS_. */
static int look(struct trace *trace, const char *name, bool *many)
{
    struct records records;
    int status = records_ask(&records, "trace %s %lu", name, trace->from);
    if (status != STATUS_OK)
        return status;
    *many = records.count > MANY;
    if (!tell_events(trace, &records))
        status = control_garbled("these are no events");
    records_free(&records);
    fflush(stdout);
    return status;
}

int trace_run(char **args, const struct options *options)
{
    struct trace trace = {.options = options};
    uint64_t limit = timer_limit(options->seconds, 0);
    int status = STATUS_OK;
    bool many = false;
    if (!control_vm_name(args[0]))
        return STATUS_USAGE;
    interrupt_catch();
    if (!options->summary && !options->json)
        printf(LINE_FORMAT, "NUMBER", "TSC", "CORE", "RIP", "EVENT", "OPERAND");
    while (status == STATUS_OK && !interrupt_came() && !ferror(stdout) &&
           (options->seconds == 0 || !timer_passed(limit))) {
        status = look(&trace, args[0], &many);
        if (status == STATUS_OK && !many)
            timer_sleep(LOOK_MS);
    }
    if (options->summary && status == STATUS_OK)
        status = summary_print(options->json);
    return status;
}
