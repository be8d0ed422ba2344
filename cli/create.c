/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion create`: VMs that are read, as the monitor will, together with those that are there. */
#include "create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "check.h"
#include "like.h"

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
static int parse_together(const struct change *change, const char *running, struct config *together,
                          unsigned *limit)
{
    size_t more = strlen(running);
    char *text = malloc(change->length + more + 1);
    if (text == NULL)
        return STATUS_ERRORS;
    memcpy(text, change->text, change->length);
    text[change->length] = '\n';
    memcpy(text + change->length + 1, running, more);
    *limit = count_lines(change->text, change->length) + 2;
    int status = check_text(change->path, text, change->length + 1 + more, *limit, together);
    free(text);
    return status;
}

/* What belongs to --like stands without it. Returns a STATUS_. */
static int check_usage(char **args, const struct options *options)
{
    const char *word = options->profile != NULL ? "--profile"
                       : options->file != NULL  ? "--file"
                                                : args[1];
    if (word == NULL)
        return STATUS_OK;
    fprintf(stderr, "mullion: %s: this is for a VM like another; write create NAME --like VM\n",
            word);
    return STATUS_USAGE;
}

int create_vms(char **args, const struct options *options)
{
    static struct config file, running, together;
    static struct config_errors ignored;
    struct outcome outcome;
    struct change change = {.request = "create", .path = args[0]};
    const char *text;
    unsigned limit;
    if (options->like != NULL)
        return like_create(args, options);
    int usage = check_usage(args, options);
    if (usage != STATUS_OK)
        return usage;
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
        status = parse_together(&change, text, &together, &limit);
    for (unsigned i = 0; status == STATUS_OK && i < together.vm_count; i++)
        if (together.vms[i].at.line < limit)
            status = change_plan(&change, &together.vms[i]);
    return status == STATUS_OK ? change_carry_out(&change, &outcome) : status;
}
