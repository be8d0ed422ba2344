/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's life by commands: a request, then a look at the list until it is so. */
#include "life.h"

#include <stdio.h>
#include <string.h>

#include "give.h"
#include "record.h"
#include "timer.h"

#define POLL_MS 50

enum progress { WAITING, DONE, FAILED };

struct verb {
    const char *name;
    const char *done;
    /* Look at the VM: it had been started STARTS times before the request. */
    enum progress (*look)(const struct record *vm, uint64_t starts);
    uint64_t seconds;   /* how long to wait */
    const char *advice; /* if that is not enough */
};

static enum progress look_start(const struct record *vm, uint64_t starts)
{
    bool started = record_number(vm, "starts") > starts;
    if (record_is(vm, "state", "failed"))
        return FAILED;
    /* It may be off again before anyone looks. */
    return started && (record_is(vm, "state", "running") || record_is(vm, "state", "off"))
               ? DONE
               : WAITING;
}

static enum progress look_stop(const struct record *vm, uint64_t starts)
{
    (void)starts;
    return record_is(vm, "state", "off") || record_is(vm, "state", "failed") ? DONE : WAITING;
}

/* It may be paused again before anyone looks: that it was let go on is all there is to know. */
static enum progress look_resume(const struct record *vm, uint64_t starts)
{
    (void)vm;
    (void)starts;
    return DONE;
}

static enum progress look_destroy(const struct record *vm, uint64_t starts)
{
    (void)vm;
    (void)starts;
    return WAITING; /* until there is none */
}

static const struct verb start = {"start", "started", look_start, 60, "see: mullion log"};
static const struct verb stop = {"stop", "stopped", look_stop, 60,
                                 "its kernel may not obey SysRq on its console; mullion kill "
                                 "switches it off at once"};
static const struct verb kill = {"kill", "off", look_stop, 60, "see: mullion log"};
static const struct verb reboot = {"reboot", "started", look_start, 60, "see: mullion log"};
static const struct verb resume = {"resume", "resumed", look_resume, 60, "see: mullion log"};
static const struct verb destroy = {"destroy", "destroyed", look_destroy, 120,
                                    "its memory is being cleared; see: mullion list"};

/* The starts of the VM called NAME, 0 for none. Returns a STATUS_. */
static int ask_starts(const char *name, uint64_t *starts)
{
    struct records records;
    int status = records_ask(&records, "list");
    if (status != STATUS_OK)
        return status;
    const struct record *vm = records_find(&records, "vm", "name", name);
    *starts = vm != NULL ? record_number(vm, "starts") : 0;
    records_free(&records);
    return STATUS_OK;
}

/* Look at the list once. Returns a STATUS_. */
static int look(const struct verb *verb, const char *name, uint64_t starts, enum progress *progress)
{
    struct records records;
    int status = records_ask(&records, "list");
    if (status != STATUS_OK)
        return status;
    const struct record *vm = records_find(&records, "vm", "name", name);
    if (vm != NULL)
        *progress = verb->look(vm, starts);
    else
        *progress = verb == &destroy ? DONE : FAILED;
    if (*progress == FAILED)
        fprintf(stderr, "mullion: %s: %s; see: mullion log\n", name,
                vm != NULL ? "it has failed" : "it is gone");
    records_free(&records);
    return *progress == FAILED ? STATUS_ERRORS : STATUS_OK;
}

static int wait_for(const struct verb *verb, const char *name, uint64_t starts, uint64_t seconds)
{
    uint64_t limit = timer_limit(seconds, verb->seconds);
    enum progress progress = WAITING;
    for (;; timer_sleep(POLL_MS)) {
        int status = look(verb, name, starts, &progress);
        if (status != STATUS_OK)
            return status;
        if (progress == DONE) {
            printf("%s: %s\n", name, verb->done);
            return STATUS_OK;
        }
        if (timer_passed(limit)) {
            fprintf(stderr, "mullion: %s: not %s after %lu s; %s\n", name, verb->done,
                    seconds != 0 ? seconds : verb->seconds, verb->advice);
            return STATUS_TIME;
        }
    }
}

static int change(const struct verb *verb, const char *name, uint64_t seconds)
{
    struct answer answer;
    uint64_t starts;
    if (!control_vm_name(name))
        return STATUS_USAGE;
    int status = ask_starts(name, &starts);
    if (status == STATUS_OK)
        status = control_do(&answer, NULL, "%s %s", verb->name, name);
    return status == STATUS_OK ? wait_for(verb, name, starts, seconds) : status;
}

/* Do it with each VM, also if it fails with one. */
static int change_all(const struct verb *verb, char **names, const struct options *options)
{
    int worst = STATUS_OK;
    for (; *names != NULL; names++) {
        int status = change(verb, *names, options->timeout);
        worst = status > worst ? status : worst;
    }
    return worst;
}

int life_start(char **args, const struct options *options)
{
    return change_all(&start, args, options);
}

int life_stop(char **args, const struct options *options)
{
    return change_all(&stop, args, options);
}

int life_kill(char **args, const struct options *options)
{
    return change_all(&kill, args, options);
}

int life_reboot(char **args, const struct options *options)
{
    return change_all(&reboot, args, options);
}

int life_resume(char **args, const struct options *options)
{
    return change_all(&resume, args, options);
}

int life_destroy(char **args, const struct options *options)
{
    int status = change_all(&destroy, args, options);
    /* Of several, those that are gone leave something to give back. */
    int back = status == STATUS_NO_CONTROL ? STATUS_OK : give_back();
    return back > status ? back : status;
}

int life_wait_destroyed(uint64_t limit)
{
    for (;; timer_sleep(POLL_MS)) {
        struct records records;
        int status = records_ask(&records, "list");
        if (status != STATUS_OK)
            return status;
        bool done = records_find(&records, "vm", "state", "destroying") == NULL;
        records_free(&records);
        if (done)
            return STATUS_OK;
        if (timer_passed(limit)) {
            fprintf(stderr, "mullion: memory is still being cleared; see: mullion list\n");
            return STATUS_TIME;
        }
    }
}
