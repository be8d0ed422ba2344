/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion list`. Each record gets one more field, `saved`: whether the saved file has that VM. */
#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "create.h"
#include "diff.h"
#include "saved.h"
#include "table.h"
#include "text.h"

static void show_state(const struct record *record, const char *key, char *cell, size_t size)
{
    snprintf(cell, size, "%s%s", record_text(record, key),
             record_is(record, "saved", "no") ? "*" : "");
}

static const struct column columns[] = {
    {"VM", "name", false, NULL},
    {"CID", "cid", true, NULL},
    {"CORES", "cpus", false, show_or_dash},
    {"NODE", "node", true, NULL},
    {"MEMORY", "memory", true, show_size},
    {"STATE", "state", false, show_state},
    {"STARTS", "starts", true, NULL},
    {"NETWORK", "network", false, show_or_dash},
    {0},
};

/* What the two say of the VMs. */
struct comparison {
    const char *path;    /* of the saved file */
    bool known;          /* both are read */
    const char *problem; /* or why not, if there is such a file */
    struct config saved, running;
};

/* Read the saved file, which need not exist unless it is NAMED. Returns a STATUS_. */
static int read_saved(struct comparison *comparison, bool named)
{
    static struct config_errors errors;
    size_t length;
    char *text = saved_load(comparison->path, &length);
    if (text == NULL && named)
        return saved_read(comparison->path, &text, &comparison->saved);
    comparison->known = text != NULL && config_parse(text, length, &comparison->saved, &errors);
    if (text != NULL && !comparison->known)
        comparison->problem = "it has errors; see: mullion check FILE";
    free(text);
    return STATUS_OK;
}

/* Ask for the machine's configuration, if there is one to compare it with. Returns a STATUS_. */
static int read_running(struct comparison *comparison)
{
    static struct config_errors errors;
    struct answer answer;
    int status = comparison->known ? control_do(&answer, NULL, "config") : STATUS_OK;
    if (status != STATUS_OK || !comparison->known)
        return status;
    comparison->known = config_parse(answer.text, answer.length, &comparison->running, &errors);
    if (!comparison->known) {
        text_clean(errors.list[0].text);
        comparison->problem = errors.list[0].text;
    }
    return STATUS_OK;
}

static const char *find_word(const struct comparison *comparison, const struct record *vm)
{
    const char *name = record_text(vm, "name");
    if (!comparison->known)
        return "unknown";
    const struct config_vm *running = create_find(&comparison->running, name);
    const struct config_vm *saved = create_find(&comparison->saved, name);
    return running != NULL && saved != NULL && diff_is_same(running, saved) ? "yes" : "no";
}

/* Ask for the VMs, and add the field. Returns a STATUS_; records_free is due. */
static int ask(const struct comparison *comparison, struct records *records)
{
    struct answer answer;
    char *text = NULL;
    size_t size = 0;
    int status = control_do(&answer, NULL, "list");
    if (status != STATUS_OK)
        return status;
    FILE *out = open_memstream(&text, &size);
    bool good = out != NULL && records_read(records, answer.text, answer.length);
    const char *line = answer.text;
    for (unsigned i = 0; good && i < records->count; i++, line = strchr(line, '\n') + 1)
        fprintf(out, "%.*s saved %s\n", (int)strcspn(line, "\n"), line,
                find_word(comparison, &records->list[i]));
    if (out != NULL)
        fclose(out);
    records_free(records);
    good = good && records_read(records, text, size);
    free(text);
    return good ? STATUS_OK : control_garbled("it is no list of records");
}

/* VMs that only the file has; how many. */
static unsigned print_missing(const struct comparison *comparison)
{
    unsigned count = 0;
    for (unsigned i = 0; i < comparison->saved.vm_count; i++) {
        const char *name = comparison->saved.vms[i].name;
        if (create_find(&comparison->running, name) == NULL && count++ == 0)
            printf("only in %s: %s", comparison->path, name);
        else if (create_find(&comparison->running, name) == NULL)
            printf(", %s", name);
    }
    if (count > 0)
        printf("\n");
    return count;
}

/* What the marks say. */
static void explain(const struct comparison *comparison, const struct records *records)
{
    bool differs = records_find(records, "vm", "saved", "no") != NULL;
    if (comparison->problem != NULL)
        printf("not compared with %s: %s\n", comparison->path, comparison->problem);
    if (!comparison->known)
        return;
    if (differs)
        printf("* not as in %s, the file of the next boot\n", comparison->path);
    if (print_missing(comparison) > 0 || differs)
        printf("see: mullion diff %s\n", comparison->path);
}

int list_run(char **args, const struct options *options)
{
    static struct comparison comparison;
    struct records records = {0};
    (void)args;
    comparison.path = saved_path(options->saved);
    int status = read_saved(&comparison, options->saved != NULL);
    if (status == STATUS_OK)
        status = read_running(&comparison);
    if (status == STATUS_OK)
        status = ask(&comparison, &records);
    if (status == STATUS_OK && options->json)
        records_print_json(stdout, &records, NULL);
    if (status == STATUS_OK && !options->json) {
        table_print(stdout, &records, "vm", columns);
        explain(&comparison, &records);
    }
    records_free(&records);
    return status;
}
