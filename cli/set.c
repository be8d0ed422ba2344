/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion set`: the machine's text with some lines more, and with --save the saved file, too. */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "block.h"
#include "create.h"
#include "diff.h"
#include "saved.h"
#include "settings.h"

/* The machine's text BASE with the settings in the VM's block, for the caller to free. */
static int make_text(const struct snapshot *base, char *const *args, char **text, unsigned *first)
{
    static struct config config;
    int status = snapshot_parse(base, &config);
    if (status != STATUS_OK)
        return status;
    const struct config_vm *vm = create_find(&config, args[0]);
    if (vm == NULL) {
        fprintf(stderr, "mullion: there is no VM \"%s\"; see: mullion list\n", args[0]);
        return STATUS_ERRORS;
    }
    *text = block_add(base->text, vm->at, args + 1, first);
    if (*text == NULL)
        return STATUS_ERRORS;
    settings_place(args + 1, *first);
    return settings_parse(*text, &config);
}

/* Whether the file NOW says of all VMs but NAME what BEFORE does; one may be like NAME. */
static int compare_others(const char *path, const char *name, const struct config *before,
                          const struct config *now)
{
    for (const struct config_vm *vm = before->vms; vm < before->vms + before->vm_count; vm++) {
        const struct config_vm *same = create_find(now, vm->name);
        if (strcmp(vm->name, name) == 0 || (same != NULL && diff_is_same(vm, same)))
            continue;
        fprintf(stderr,
                "mullion: %s: vm \"%s\" would change with \"%s\", which it is like, so nothing is "
                "set; write that file by hand, and apply it\n",
                path, vm->name, name);
        return STATUS_ERRORS;
    }
    return STATUS_OK;
}

/* The saved file's text with the settings, for the caller to free. */
static int make_saved(const char *path, char *const *args, char **text)
{
    static struct config before, now;
    unsigned first;
    char *old;
    int status = saved_read(path, &old, &before);
    const struct config_vm *vm = status == STATUS_OK ? create_find(&before, args[0]) : NULL;
    if (vm != NULL) {
        *text = block_add(old, vm->at, args + 1, &first);
        settings_place(args + 1, first);
        status = *text == NULL ? STATUS_ERRORS : settings_parse(*text, &now);
        if (status != STATUS_OK)
            fprintf(stderr,
                    "mullion: %s: this does not go into the block of \"%s\" there, so nothing is "
                    "set; write that file by hand, and apply it\n",
                    path, args[0]);
    } else if (status == STATUS_OK) {
        fprintf(stderr,
                "mullion: %s: there is no vm \"%s\" in it, so nothing is set; save the machine as "
                "it is (mullion config | mullion apply --save -), or leave --save out\n",
                path, args[0]);
        status = STATUS_ERRORS;
    }
    free(old);
    return status == STATUS_OK ? compare_others(path, args[0], &before, &now) : status;
}

static int set(char *const *args, struct apply *apply, const char *saved)
{
    struct outcome outcome = {0};
    apply->length = strlen(apply->text);
    apply->save = saved;
    int status = apply_text(apply, &outcome);
    if (status == STATUS_OK && outcome.lines == 0)
        printf("%s: nothing has changed\n", args[0]);
    return status;
}

int set_run(char **args, const struct options *options)
{
    struct snapshot base = {0};
    char *text = NULL, *saved = NULL;
    unsigned first = 0;
    if (!control_vm_name(args[0]) || settings_check(args + 1) != STATUS_OK)
        return STATUS_USAGE;
    const char *path = saved_wanted(options);
    int status = snapshot_take(&base);
    if (status == STATUS_OK)
        status = make_text(&base, args, &text, &first);
    if (status == STATUS_OK && path != NULL)
        status = make_saved(path, args, &saved);
    settings_place(args + 1, first); /* what the monitor refuses is of its own text */
    struct apply apply = {.path = args[0],
                          .text = text,
                          .base = &base,
                          .timeout = options->timeout,
                          .save_text = saved,
                          .complain = settings_complain};
    if (status == STATUS_OK)
        status = set(args, &apply, path);
    free(saved);
    free(text);
    snapshot_free(&base);
    return status;
}
