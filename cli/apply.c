/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion apply`: one transaction, and then a look until all of it has taken effect. */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cores.h"
#include "create.h"
#include "life.h"
#include "linux.h"
#include "memory.h"
#include "record.h"
#include "saved.h"
#include "timer.h"
#include "undo.h"
#include "watch.h"

#define DESTROY_SECONDS 120
#define SETTLE_SECONDS  60
#define POLL_MS         20

/* How far the last change is. */
struct progress {
    uint64_t cores, taken, ticks; /* cores that have to take it, those that have, and when */
    struct records records;       /* memory that VMs are to have, too */
};

/* Ask how far the last change is. Returns a STATUS_; the records are to be freed if it is OK. */
static int ask_settled(struct progress *progress)
{
    int status = records_ask(&progress->records, "settle");
    if (status != STATUS_OK)
        return status;
    const struct record *settle = records_next(&progress->records, "settle", NULL);
    if (settle == NULL || record_text(settle, "cores")[0] == '\0') {
        records_free(&progress->records);
        return control_garbled("it does not say which cores take the change");
    }
    progress->cores = record_number(settle, "cores");
    progress->taken = record_number(settle, "taken");
    progress->ticks = record_number(settle, "ticks");
    return STATUS_OK;
}

static void print_settled(const struct progress *progress)
{
    if (progress->cores > 0)
        printf("%lu core%s taken it, %lu ticks\n", progress->cores,
               progress->cores == 1 ? " has" : "s have", progress->ticks);
    else if (records_next(&progress->records, "memory", NULL) == NULL)
        printf("no core runs these VMs; they take it when they start\n");
}

/* Has each core of the changed VMs the new settings, and each VM the memory that it can have? */
static bool is_settled(const struct progress *progress)
{
    return progress->taken >= progress->cores && memory_settled(&progress->records);
}

/* A processor may refuse, when it enters the VM, what looked right: it then has what it had. */
static int print_refused(const struct progress *progress)
{
    const struct record *refused = NULL;
    int status = STATUS_OK;
    while ((refused = records_next(&progress->records, "refused", refused)) != NULL) {
        fprintf(
            stderr,
            "mullion: vm \"%s\": its processor refuses the change; its controls are as they were; "
            "see: mullion log\n",
            record_text(refused, "vm"));
        status = STATUS_ERRORS;
    }
    return status;
}

/* Wait until all of it has taken effect, and say so, or what has not. */
static int wait_settled(uint64_t seconds)
{
    uint64_t limit = timer_limit(seconds, SETTLE_SECONDS);
    for (;; timer_sleep(POLL_MS)) {
        struct progress progress;
        int status = ask_settled(&progress);
        if (status != STATUS_OK)
            return status;
        bool settled = is_settled(&progress);
        bool late = !settled && (timer_passed(limit) || linux_interrupted());
        if (settled || (late && progress.taken >= progress.cores))
            print_settled(&progress);
        else if (late)
            fprintf(stderr, "mullion: %lu of %lu cores have taken it so far; see: mullion log\n",
                    progress.taken, progress.cores);
        if (settled || late)
            memory_print(&progress.records);
        int refused = settled ? print_refused(&progress) : STATUS_TIME;
        records_free(&progress.records);
        if (settled || late)
            return refused;
    }
}

/* Whether the machine is still at BASE, which may be NULL; if not, say what is different. */
static int compare(const struct snapshot *base, const struct snapshot *now)
{
    if (base == NULL || base->generation == now->generation)
        return STATUS_OK;
    snapshot_explain(base, now);
    return STATUS_ERRORS;
}

/* After a refusal: was that because of a change in between? */
static void look_again(const struct snapshot *base)
{
    struct snapshot now = {0};
    if (base != NULL && snapshot_take(&now) == STATUS_OK)
        compare(base, &now);
    snapshot_free(&now);
}

/* Ask for it. RUNNING is what there is. */
static int make_change(const struct apply *apply, const struct config *file,
                       const struct config *running, struct outcome *outcome)
{
    char request[40] = "apply";
    int status = STATUS_OK;
    if (apply->base != NULL)
        snprintf(request, sizeof(request), "apply %lu", apply->base->generation);
    struct change change = {.request = request,
                            .path = apply->path,
                            .text = apply->text,
                            .length = apply->length,
                            .complain = apply->complain};
    for (unsigned i = 0; status == STATUS_OK && i < file->vm_count; i++) {
        const struct config_vm *there = create_find(running, file->vms[i].name);
        if (there == NULL)
            status = change_plan(&change, &file->vms[i]);
        else if (!there->service)
            need_more(&change.need, there, &file->vms[i]);
    }
    if (status == STATUS_OK)
        status = cores_look(file);
    if (status == STATUS_OK)
        status = cores_need(&change.need, file);
    if (status != STATUS_OK)
        return status;
    status = change_carry_out(&change, outcome);
    if (status == STATUS_ERRORS)
        look_again(apply->base);
    return status;
}

/* What has been applied becomes the next boot's, if that is wanted. */
static int save(const struct apply *apply)
{
    if (apply->save == NULL)
        return STATUS_OK;
    if (apply->save_text != NULL)
        return saved_write(apply->save, apply->save_text, strlen(apply->save_text));
    return saved_write(apply->save, apply->text, apply->length);
}

/* Until it has taken effect. BEFORE is the configuration that undo would go back to. */
static int wait_for_effect(const struct apply *apply, const struct outcome *outcome,
                           const char *before)
{
    int status = STATUS_OK;
    if (outcome->lines > 0)
        undo_keep(before);
    if (outcome->settings > 0)
        status = wait_settled(apply->timeout);
    if (status == STATUS_OK)
        status = life_wait_destroyed(timer_limit(apply->timeout, DESTROY_SECONDS));
    if (status == STATUS_OK)
        status = give_back();
    if (status == STATUS_OK && outcome->lines > outcome->settings)
        undo_keep(before); /* what came back to Linux may count as one more change */
    return status;
}

int apply_text(const struct apply *apply, struct outcome *outcome)
{
    static struct config file, running;
    struct snapshot before = {0};
    *outcome = (struct outcome){0};
    int status = check_text(apply->path, apply->text, apply->length, 0, &file);
    if (status == STATUS_OK && apply->save != NULL)
        status = saved_check(apply->save);
    if (status == STATUS_OK)
        status = snapshot_take(&before);
    if (status == STATUS_OK)
        status = compare(apply->base, &before);
    if (status == STATUS_OK)
        status = snapshot_parse(&before, &running);
    if (status == STATUS_OK)
        status = make_change(apply, &file, &running, outcome);
    if (status == STATUS_OK) {
        status = wait_for_effect(apply, outcome, before.text);
        int saved = save(apply); /* the change is made, even if it takes its time */
        status = status == STATUS_OK ? saved : status;
    }
    snapshot_free(&before);
    return status;
}

int apply_run(char **args, const struct options *options)
{
    struct apply apply = {
        .path = args[0], .timeout = options->timeout, .save = saved_wanted(options)};
    struct outcome outcome;
    if (options->watch)
        return watch_run(&apply);
    long length = check_load(args[0], &apply.text);
    if (length < 0)
        return STATUS_USAGE;
    apply.length = (size_t)length;
    return apply_text(&apply, &outcome);
}
