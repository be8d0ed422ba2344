/* SPDX-License-Identifier: Apache-2.0 */
/* A file applied on each save. An editor may write it in place or put another in its place. */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "apart.h"
#include "check.h"
#include "interrupt.h"
#include "timer.h"

#define LOOK_MS 200

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* While an editor writes, a part of a file could read as one that destroys VMs: what is still
   changing, empty or gone is no save. */
static bool wait_for_save(const char *path, struct stat *applied)
{
    struct stat before = *applied, now;
    for (; !interrupt_came(); timer_sleep(LOOK_MS)) {
        if (stat(path, &now) != 0 || now.st_size == 0)
            continue;
        if (!is_same(&now, applied) && is_same(&now, &before)) {
            *applied = now;
            return true;
        }
        before = now;
    }
    return false;
}

struct save {
    struct apply apply;
    struct stat file;
};

static int apply_save(void *context)
{
    const struct save *save = context;
    struct apply apply = save->apply;
    struct outcome outcome;
    struct stat now;
    long length = check_load(apply.path, &apply.text);
    if (length < 0)
        return STATUS_USAGE;
    if (stat(apply.path, &now) != 0 || !is_same(&now, &save->file) || length != now.st_size) {
        fprintf(stderr, "mullion: %s: it is being saved once more\n", apply.path);
        return STATUS_ERRORS;
    }
    apply.length = (size_t)length;
    int status = apply_text(&apply, &outcome);
    if (status == STATUS_OK && outcome.lines == 0)
        printf("%s: nothing has changed\n", apply.path);
    return status;
}

int watch_run(const struct apply *apply)
{
    struct save save = {.apply = *apply};
    struct stat exists;
    errno = 0;
    if (stat(apply->path, &exists) != 0 || !S_ISREG(exists.st_mode)) {
        fprintf(stderr, "mullion: %s: %s\n", apply->path,
                errno != 0 ? strerror(errno) : "only a file can be watched");
        return STATUS_USAGE;
    }
    interrupt_catch();
    while (wait_for_save(apply->path, &save.file)) {
        int status = apart_run(apply_save, &save);
        if (status == STATUS_NO_CONTROL)
            return status;
        printf("%s: %s; waiting for the next save, Ctrl-C ends it\n", apply->path,
               status == STATUS_OK ? "done" : "not done");
        fflush(stdout);
    }
    return STATUS_OK;
}
