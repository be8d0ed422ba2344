/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion edit`: the machine's configuration in an editor, then applied, or edited again. */
#include "edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apart.h"
#include "apply.h"
#include "check.h"
#include "create.h"
#include "diff.h"
#include "editor.h"
#include "interrupt.h"
#include "lines.h"
#include "saved.h"

/* What a try has come to, besides a STATUS_: the machine is another one by now. */
#define LATE 100

struct edit {
    struct draft draft;
    struct snapshot base;
    char *text;        /* what the draft was made of: the machine's text, or the saved file's */
    const char *saved; /* the saved file, if it is to be replaced */
    uint64_t timeout;
};

/* Apply what the file has. In a process of its own. */
static int apply_draft(void *context)
{
    const struct edit *edit = context;
    static struct config config;
    struct apply apply = {.path = edit->draft.path,
                          .base = &edit->base,
                          .timeout = edit->timeout,
                          .save = edit->saved};
    struct outcome outcome = {0};
    uint64_t generation = edit->base.generation;
    long length = check_load(apply.path, &apply.text);
    if (length < 0)
        return STATUS_USAGE;
    apply.length = (size_t)length;
    if (strspn(apply.text, " \t\r\n") >= apply.length) {
        fprintf(stderr, "mullion: %s: this is empty; to leave a machine without VMs destroy them\n",
                apply.path);
        return STATUS_ERRORS;
    }
    int status = check_text(apply.path, apply.text, apply.length, 0, &config);
    if (status != STATUS_OK)
        return status;
    char *copy = strndup(apply.text, apply.length);
    if (copy != NULL)
        lines_print_difference(stdout, edit->text, copy);
    free(copy);
    status = apply_text(&apply, &outcome);
    if (status == STATUS_OK && outcome.lines == 0)
        printf("nothing has changed\n");
    if (status == STATUS_ERRORS && snapshot_ask_generation(&generation) == STATUS_OK &&
        generation != edit->base.generation && outcome.lines == 0)
        return LATE;
    return status;
}

/* Whether the file still has the text that was written into it. */
static bool is_untouched(const struct edit *edit)
{
    const char *text;
    long length = check_load(edit->draft.path, &text);
    return length >= 0 && (size_t)length == strlen(edit->text) &&
           memcmp(text, edit->text, (size_t)length) == 0;
}

/* What stands on standard input decides; its end, or Ctrl-C, is a no. */
static bool ask_again(void)
{
    char line[80];
    printf("edit again, or leave it? [e/l] ");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (line[0] == 'e' || line[0] == 'E')
            return true;
        if (line[0] == 'l' || line[0] == 'L')
            return false;
        printf("e or l: ");
        fflush(stdout);
    }
    printf("\n");
    return false;
}

/* Edit until it is applied or left. *KEPT: the file has what is nowhere else. */
static int edit_until_done(struct edit *edit, bool *kept)
{
    for (;;) {
        int status = editor_run(edit->draft.path);
        *kept = !is_untouched(edit);
        if (!*kept && status == STATUS_OK)
            printf("nothing has changed\n");
        if (!*kept)
            return status;
        if (status == STATUS_OK)
            status = apart_run(apply_draft, edit);
        *kept = status != STATUS_OK && status != STATUS_TIME;
        if (!*kept || status == STATUS_NO_CONTROL)
            return status;
        if (status == LATE) /* once more from here would take the other change back */
            return STATUS_ERRORS;
        if (interrupt_came() || !ask_again())
            return status;
    }
}

/* Whether the two say the same of all VMs. */
static bool are_same(const struct config *running, const struct config *saved)
{
    bool same = running->vm_count == saved->vm_count && running->strict == saved->strict &&
                running->poweroff == saved->poweroff;
    for (unsigned i = 0; same && i < running->vm_count; i++) {
        const struct config_vm *vm = create_find(saved, running->vms[i].name);
        same = vm != NULL && diff_is_same(&running->vms[i], vm);
    }
    return same;
}

/* With --save the saved file itself, which has comments and profiles, if it says what there is. */
static int choose_text(struct edit *edit)
{
    static struct config running, saved;
    int status = STATUS_OK;
    if (edit->saved != NULL)
        status = saved_check(edit->saved);
    if (status == STATUS_OK && edit->saved != NULL)
        status = saved_read(edit->saved, &edit->text, &saved);
    if (status == STATUS_OK && edit->saved != NULL)
        status = snapshot_parse(&edit->base, &running);
    if (status != STATUS_OK || (edit->saved != NULL && are_same(&running, &saved)))
        return status;
    if (edit->saved != NULL)
        fprintf(stderr,
                "mullion: %s is not as the machine is, which is what you edit: without that "
                "file's comments and profiles\n",
                edit->saved);
    free(edit->text);
    edit->text = strdup(edit->base.text);
    return edit->text != NULL ? STATUS_OK : STATUS_ERRORS;
}

int edit_run(char **args, const struct options *options)
{
    struct edit edit = {.timeout = options->timeout, .saved = saved_wanted(options)};
    bool kept = false;
    (void)args;
    int status = snapshot_take(&edit.base);
    if (status == STATUS_OK)
        status = choose_text(&edit);
    interrupt_catch(); /* to leave, and not without saying where the text is */
    control_close();   /* an editor may be open for hours */
    if (status == STATUS_OK)
        status = draft_make(&edit.draft, edit.text);
    if (status == STATUS_OK)
        status = edit_until_done(&edit, &kept);
    if (kept)
        fprintf(stderr, "mullion: what you have written is in %s\n", edit.draft.path);
    draft_drop(&edit.draft, kept);
    snapshot_free(&edit.base);
    free(edit.text);
    return status;
}
