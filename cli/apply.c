/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion apply`: one transaction, and then a look until all of it has taken effect. */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "create.h"
#include "life.h"
#include "linux.h"
#include "record.h"
#include "saved.h"
#include "timer.h"
#include "undo.h"
#include "watch.h"

#define DESTROY_SECONDS 120
#define SETTLE_SECONDS  60
#define POLL_MS         20

/* How far the cores are that have to take the last change. Returns a STATUS_. */
static int ask_settled(uint64_t *cores, uint64_t *taken, uint64_t *ticks)
{
    struct records records;
    int status = records_ask(&records, "settle");
    if (status != STATUS_OK)
        return status;
    const struct record *settle = records_next(&records, "settle", NULL);
    bool good = settle != NULL && record_text(settle, "cores")[0] != '\0';
    if (good) {
        *cores = record_number(settle, "cores");
        *taken = record_number(settle, "taken");
        *ticks = record_number(settle, "ticks");
    }
    records_free(&records);
    return good ? STATUS_OK : control_garbled("it does not say which cores take the change");
}

static void print_settled(uint64_t cores, uint64_t ticks)
{
    if (cores == 0)
        printf("no core runs these VMs; they take it when they start\n");
    else
        printf("%lu core%s taken it, %lu ticks\n", cores, cores == 1 ? " has" : "s have", ticks);
}

/* Wait until each core of the changed VMs runs with the new settings. */
static int wait_settled(uint64_t seconds)
{
    uint64_t limit = timer_limit(seconds, SETTLE_SECONDS);
    uint64_t cores = 0, taken = 0, ticks = 0;
    for (;; timer_sleep(POLL_MS)) {
        int status = ask_settled(&cores, &taken, &ticks);
        if (status != STATUS_OK)
            return status;
        if (taken >= cores) {
            print_settled(cores, ticks);
            return STATUS_OK;
        }
        if (timer_passed(limit) || linux_interrupted()) {
            fprintf(stderr, "mullion: %lu of %lu cores have taken it so far; see: mullion log\n",
                    taken, cores);
            return STATUS_TIME;
        }
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
    for (unsigned i = 0; status == STATUS_OK && i < file->vm_count; i++)
        if (create_find(running, file->vms[i].name) == NULL)
            status = change_plan(&change, &file->vms[i]);
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
