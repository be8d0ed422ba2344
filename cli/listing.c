/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that show what the monitor knows: tables, or JSON. */
#include "listing.h"

#include <inttypes.h>
#include <string.h>

#include "table.h"

static const struct column cpu_columns[] = {
    {"CORE", "id", true, NULL},   {"APIC", "apic", true, NULL},    {"NODE", "node", true, NULL},
    {"PAIR", "core", true, NULL}, {"OWNER", "owner", false, NULL}, {0},
};

static const struct column memory_columns[] = {
    {"MEMORY", "base", true, show_address},
    {"SIZE", "size", true, show_size},
    {"NODE", "node", true, NULL},
    {"OWNER", "owner", false, NULL},
    {0},
};

static const struct column module_columns[] = {
    {"MODULE", "name", false, NULL},
    {"BYTES", "size", true, NULL},
    {"UPLOADED", "uploaded", false, NULL},
    {0},
};

static const struct column pool_columns[] = {
    {"POOL FREE", "memory-free", true, show_size},
    {"LARGEST PIECE", "memory-largest", true, show_size},
    {0},
};

static const struct column monitor_columns[] = {
    {"MONITOR'S OWN", "memory", true, show_size},
    {"USED", "used", true, show_size},
    {0},
};

static const struct column exit_columns[] = {
    {"VM", "vm", false, NULL},
    {"CORE", "cpu", true, NULL},
    {"EXIT", "reason", false, NULL},
    {"COUNT", "count", true, NULL},
    {0},
};

static const struct column denied_columns[] = {
    {"VM", "vm", false, NULL},    {"DENIED: PORTS", "ports", true, NULL},
    {"MSRS", "msrs", true, NULL}, {"MEMORY", "memory", true, NULL},
    {"IPIS", "ipis", true, NULL}, {0},
};

static const struct column device_columns[] = {
    {"VM", "vm", false, NULL},
    {"DEVICE", "kind", false, NULL},
    {"RX PACKETS", "rx-packets", true, NULL},
    {"RX BYTES", "rx-bytes", true, NULL},
    {"TX PACKETS", "tx-packets", true, NULL},
    {"TX BYTES", "tx-bytes", true, NULL},
    {"DROPS", "drops", true, NULL},
    {"KICKS", "kicks", true, NULL},
    {"INTERRUPTS", "interrupts", true, NULL},
    {0},
};

struct part {
    const char *kind;
    const struct column *columns;
};

static const struct part stats_parts[] = {
    {"exits", exit_columns}, {"denied", denied_columns}, {"device", device_columns}, {0}};
static const struct part machine_parts[] = {
    {"cpu", cpu_columns},   {"memory", memory_columns},   {"module", module_columns},
    {"pool", pool_columns}, {"monitor", monitor_columns}, {0}};

/* Ask for records and print those of each part, with an empty line between two parts. */
static int print(const char *request, const struct part *parts, const struct options *options)
{
    struct records records;
    int status = records_ask(&records, "%s", request);
    if (status != STATUS_OK)
        return status;
    if (options->json)
        records_print_json(stdout, &records, NULL);
    bool any = false;
    for (; !options->json && parts->kind != NULL; parts++) {
        if (any && records_next(&records, parts->kind, NULL) != NULL)
            printf("\n");
        any = any || records_next(&records, parts->kind, NULL) != NULL;
        table_print(stdout, &records, parts->kind, parts->columns);
    }
    records_free(&records);
    return STATUS_OK;
}

int listing_machine(char **args, const struct options *options)
{
    (void)args;
    return print("machine", machine_parts, options);
}

int listing_stats(char **args, const struct options *options)
{
    char request[64];
    if (args[0] != NULL && !control_vm_name(args[0]))
        return STATUS_USAGE;
    snprintf(request, sizeof(request), "stats%s%s", args[0] != NULL ? " " : "",
             args[0] != NULL ? args[0] : "");
    return print(request, stats_parts, options);
}

/* Print what is text, whatever it is. */
static void print_text(const char *text)
{
    for (; *text != '\0'; text++)
        putchar(*text == '\n' || *text == '\t' || (*text >= ' ' && *text <= '~') ? *text : '?');
}

int listing_config(char **args, const struct options *options)
{
    struct answer answer;
    (void)args;
    (void)options;
    int status = control_do(&answer, NULL, "config");
    if (status == STATUS_OK)
        print_text(answer.text);
    return status;
}

/* The VM's record, a key and its value a line, and its block. */
int listing_show(char **args, const struct options *options)
{
    struct answer answer;
    struct records records;
    if (!control_vm_name(args[0]))
        return STATUS_USAGE;
    int status = control_do(&answer, NULL, "show %s", args[0]);
    if (status != STATUS_OK)
        return status;
    size_t line = strcspn(answer.text, "\n");
    line += answer.text[line] == '\n' ? 1 : 0;
    if (!records_read(&records, answer.text, line) || records.count != 1) {
        status = control_garbled("it does not begin with a record");
    } else if (options->json) {
        records_print_json(stdout, &records, answer.text + line);
    } else {
        for (unsigned i = 0; i < records.list[0].count; i++)
            printf("%-9s %s\n", records.list[0].fields[i].key, records.list[0].fields[i].value);
        printf("\n");
        print_text(answer.text + line);
    }
    records_free(&records);
    return status;
}
