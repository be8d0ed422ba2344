/* SPDX-License-Identifier: Apache-2.0 */
/* What happened each second: differences of counters, which begin anew when a VM does. */
#include "rates.h"

#include <string.h>

#include "core/config.h"
#include "lib/fmt.h"
#include "timer.h"

#define REASONS_MAX   32u
#define REASONS_SHOWN 4u

/* Exits of one VM for one reason. */
struct reason {
    const char *name;
    uint64_t before, now;
};

struct reasons {
    struct reason list[REASONS_MAX];
    unsigned count;
};

int sample_take(struct sample *sample)
{
    *sample = (struct sample){.time = timer_now()};
    int status = records_ask(&sample->list, "list");
    return status == STATUS_OK ? records_ask(&sample->stats, "stats") : status;
}

void sample_free(struct sample *sample)
{
    records_free(&sample->list);
    records_free(&sample->stats);
}

static uint64_t rate(uint64_t before, uint64_t now, uint64_t milliseconds)
{
    return now > before ? (now - before) * 1000 / (milliseconds > 0 ? milliseconds : 1) : 0;
}

static struct reason *find_reason(struct reasons *reasons, const char *name)
{
    for (unsigned i = 0; i < reasons->count; i++)
        if (strcmp(reasons->list[i].name, name) == 0)
            return &reasons->list[i];
    if (reasons->count == REASONS_MAX)
        return NULL;
    reasons->list[reasons->count] = (struct reason){.name = name};
    return &reasons->list[reasons->count++];
}

/* Add what SAMPLE has of the VM; IS_NOW: it is the later one. */
static void add_reasons(struct reasons *reasons, const struct sample *sample, const char *vm,
                        bool is_now)
{
    const struct record *record = NULL;
    while ((record = records_next(&sample->stats, "exits", record)) != NULL) {
        if (!record_is(record, "vm", vm))
            continue;
        struct reason *reason = find_reason(reasons, record_text(record, "reason"));
        if (reason != NULL)
            *(is_now ? &reason->now : &reason->before) += record_number(record, "count");
    }
}

/* The sum of KEY over the VM's devices. */
static uint64_t count_devices(const struct sample *sample, const char *vm, const char *key)
{
    const struct record *record = NULL;
    uint64_t sum = 0;
    while ((record = records_next(&sample->stats, "device", record)) != NULL)
        sum += record_is(record, "vm", vm) ? record_number(record, key) : 0;
    return sum;
}

/* Print the largest rates, and take each one printed out. */
static void print_reasons(FILE *out, struct reasons *reasons, uint64_t milliseconds)
{
    for (unsigned shown = 0; shown < REASONS_SHOWN; shown++) {
        struct reason *best = NULL;
        uint64_t most = 0;
        for (unsigned i = 0; i < reasons->count; i++) {
            struct reason *reason = &reasons->list[i];
            if (rate(reason->before, reason->now, milliseconds) > most) {
                best = reason;
                most = rate(reason->before, reason->now, milliseconds);
            }
        }
        if (best == NULL)
            return;
        fprintf(out, " %s %lu", best->name, most);
        best->now = best->before;
    }
}

static const char *show_bytes(char *text, size_t size, uint64_t bytes)
{
    static const char units[] = " KMGT";
    unsigned unit = 0;
    for (; bytes >= 10240 && unit + 1 < sizeof(units) - 1; bytes /= 1024)
        unit++;
    snprintf(text, size, "%lu%.*s", bytes, unit > 0 ? 1 : 0, &units[unit]);
    return text;
}

static void print_vm(FILE *out, const struct record *vm, const struct sample *before,
                     const struct sample *now)
{
    struct reasons reasons = {0};
    char memory[24], in[24], out_text[24];
    const char *name = record_text(vm, "name");
    uint64_t passed = now->time - before->time, sum = 0;
    add_reasons(&reasons, before, name, false);
    add_reasons(&reasons, now, name, true);
    for (unsigned i = 0; i < reasons.count; i++)
        sum += rate(reasons.list[i].before, reasons.list[i].now, passed);
    fmt_size(memory, sizeof(memory), record_number(vm, "memory"));
    show_bytes(in, sizeof(in),
               rate(count_devices(before, name, "rx-bytes"), count_devices(now, name, "rx-bytes"),
                    passed));
    show_bytes(out_text, sizeof(out_text),
               rate(count_devices(before, name, "tx-bytes"), count_devices(now, name, "tx-bytes"),
                    passed));
    fprintf(out, "%-12.31s %-10.10s %-9.20s %7s %6s %6s %8lu ", name, record_text(vm, "state"),
            record_text(vm, "cpus"), memory, in, out_text, sum);
    print_reasons(out, &reasons, passed);
    putc('\n', out);
}

void sample_print(FILE *out, const struct sample *before, const struct sample *now)
{
    const struct record *vm = NULL;
    fprintf(out, "%-12s %-10s %-9s %7s %6s %6s %8s  %s\n", "VM", "STATE", "CORES", "MEMORY",
            "IN B/S", "OUT", "EXITS/S", "OF WHICH");
    while ((vm = records_next(&now->list, "vm", vm)) != NULL)
        print_vm(out, vm, before, now);
}
