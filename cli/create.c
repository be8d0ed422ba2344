/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mullion create` and `mullion apply`: read the text as the monitor will, fill its pool, upload
 * what is missing, ask. If that fails, everything goes back.
 */
#include "create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "give.h"
#include "life.h"
#include "module.h"
#include "record.h"
#include "timer.h"

#define DESTROY_SECONDS 120

/* What is to be done. */
struct change {
    const char *request; /* `create` or `apply` */
    const char *path;
    const char *text;
    size_t length;
    const struct config *config; /* what it says, and for create what was there before */
    struct need need;
};

int create_ask_config(struct config *config, const char **text)
{
    static struct config_errors errors;
    struct answer answer;
    int status = control_do(&answer, NULL, "config");
    if (status != STATUS_OK)
        return status;
    *text = answer.text;
    if (config_parse(answer.text, answer.length, config, &errors))
        return STATUS_OK;
    return control_garbled(errors.list[0].text);
}

const struct config_vm *create_find(const struct config *config, const char *name)
{
    for (const struct config_vm *vm = config->vms; vm < config->vms + config->vm_count; vm++)
        if (strcmp(vm->name, name) == 0)
            return vm;
    return NULL;
}

/* Add the VM's needs, and find its files. */
static int plan_vm(struct change *change, const struct config_vm *vm)
{
    struct records machine;
    need_add(&change->need, vm);
    int status = records_ask(&machine, "machine");
    if (status == STATUS_OK)
        status = module_find(vm, change->path, &machine);
    records_free(&machine);
    return status;
}

/* One try. *REFUSED if the monitor does not take a module: it may want more memory for that. */
static int try_change(struct change *change, struct answer *answer, bool *refused)
{
    struct body body = {change->text, change->length, NULL};
    *refused = false;
    int status = give_fill(&change->need);
    if (status == STATUS_OK)
        status = module_upload_found(refused);
    if (status != STATUS_OK)
        return status;
    status = control_ask(answer, &body, "%s", change->request);
    if (status == STATUS_ERRORS)
        control_complain(answer, change->path);
    return status;
}

static int print_changes(const struct answer *answer)
{
    struct records records;
    if (!records_read(&records, answer->text, answer->length)) {
        records_free(&records);
        return control_garbled("it does not say what has changed");
    }
    for (const struct record *r = records.list; r < records.list + records.count; r++) {
        printf("%s: %s", record_text(r, "name"), r->kind);
        if (record_text(r, "cpus")[0] != '\0')
            printf(", cores %s", record_text(r, "cpus"));
        if (record_number(r, "memory") > 0)
            printf(", memory %lu MiB", record_number(r, "memory") / MIB);
        printf("\n");
    }
    records_free(&records);
    return STATUS_OK;
}

static int carry_out(struct change *change)
{
    struct answer answer;
    bool refused;
    change->need.memory[MAX_NODES] += module_found_size();
    int status = try_change(change, &answer, &refused);
    if (status == STATUS_ERRORS && refused) {
        fprintf(stderr, "mullion: trying again with more memory for these files\n");
        change->need.memory[MAX_NODES] += module_found_size();
        status = try_change(change, &answer, &refused);
    }
    if (status == STATUS_OK)
        return print_changes(&answer);
    if (status != STATUS_NO_CONTROL)
        module_undo();
    if (give_undo() != STATUS_OK)
        fprintf(stderr, "mullion: not all cores and memory came back; see: mullion machine\n");
    return status;
}

/* Say what only the machine's state makes wrong about the new VMs. */
static int check_names(const char *path, const struct config *file, const struct config *running)
{
    int status = STATUS_OK;
    for (const struct config_vm *vm = file->vms; vm < file->vms + file->vm_count; vm++) {
        const char *advice = NULL;
        if (vm->service)
            advice = "the service VM is there already; write vm for service";
        else if (vm->name[0] != '\0' && create_find(running, vm->name) != NULL)
            advice = "there is a VM of this name already; write a different one, or destroy it";
        if (advice == NULL)
            continue;
        fprintf(stderr, "%s:%u:%u: vm \"%s\": %s\n", path, vm->at.line, vm->at.column, vm->name,
                advice);
        status = STATUS_ERRORS;
    }
    return status;
}

static unsigned count_lines(const char *text, size_t length)
{
    unsigned count = 0;
    for (size_t i = 0; i < length; i++)
        count += text[i] == '\n' ? 1u : 0u;
    return count;
}

/* FILE, an empty line, and what there is: `like` and `peers` may name what is in either. */
static int parse_together(struct change *change, const char *running, unsigned *limit)
{
    static struct config together;
    size_t more = strlen(running);
    char *text = malloc(change->length + more + 1);
    if (text == NULL)
        return STATUS_ERRORS;
    memcpy(text, change->text, change->length);
    text[change->length] = '\n';
    memcpy(text + change->length + 1, running, more);
    *limit = count_lines(change->text, change->length) + 2;
    change->config = &together;
    int status = check_text(change->path, text, change->length + 1 + more, *limit, &together);
    free(text);
    return status;
}

int create_vms(char **args, const struct options *options)
{
    static struct config file, running;
    static struct config_errors ignored;
    struct change change = {.request = "create", .path = args[0]};
    const char *text;
    unsigned limit;
    (void)options;
    long length = check_load(args[0], &change.text);
    if (length < 0)
        return STATUS_USAGE;
    change.length = (size_t)length;
    int status = create_ask_config(&running, &text);
    if (status != STATUS_OK)
        return status;
    config_parse(change.text, change.length, &file, &ignored); /* for the names */
    status = check_names(args[0], &file, &running);
    if (status == STATUS_OK)
        status = parse_together(&change, text, &limit);
    for (unsigned i = 0; status == STATUS_OK && i < change.config->vm_count; i++)
        if (change.config->vms[i].at.line < limit)
            status = plan_vm(&change, &change.config->vms[i]);
    return status == STATUS_OK ? carry_out(&change) : status;
}

int create_apply(char **args, const struct options *options)
{
    static struct config file, running;
    struct change change = {.request = "apply", .path = args[0], .config = &file};
    const char *text;
    long length = check_load(args[0], &change.text);
    if (length < 0)
        return STATUS_USAGE;
    change.length = (size_t)length;
    int status = check_text(args[0], change.text, change.length, 0, &file);
    if (status == STATUS_OK)
        status = create_ask_config(&running, &text);
    for (unsigned i = 0; status == STATUS_OK && i < file.vm_count; i++)
        if (create_find(&running, file.vms[i].name) == NULL)
            status = plan_vm(&change, &file.vms[i]);
    if (status == STATUS_OK)
        status = carry_out(&change);
    if (status == STATUS_OK)
        status = life_wait_destroyed(timer_limit(options->timeout, DESTROY_SECONDS));
    return status == STATUS_OK ? give_back() : status;
}
