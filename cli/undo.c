/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion undo`: the text before the last change, behind a line with the number of that change. */
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply.h"
#include "snapshot.h"
#include "text.h"
#include "tree.h"

#define FOLDER   "/run/mullion"
#define PATH     FOLDER "/undo"
#define TEXT_MAX (2u * 1024 * 1024)

#define HEAD "# Before configuration "

/* Write it whole, for the owner alone; false with errno. */
static bool write_file(const char *path, uint64_t generation, const char *text)
{
    unlink(path); /* of a run that was cut off */
    int number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = number >= 0 ? fdopen(number, "w") : NULL;
    if (file == NULL)
        return false;
    fprintf(file, HEAD "%lu; mullion undo\n%s", generation, text);
    bool good = ferror(file) == 0;
    return fclose(file) == 0 && good;
}

static bool keep(uint64_t generation, const char *text)
{
    char folder[TREE_PATH_MAX], path[TREE_PATH_MAX], fresh[TREE_PATH_MAX];
    return tree_path(FOLDER, folder, sizeof(folder)) && tree_path(PATH, path, sizeof(path)) &&
           tree_path(PATH ".new", fresh, sizeof(fresh)) &&
           (mkdir(folder, 0755) == 0 || errno == EEXIST) && write_file(fresh, generation, text) &&
           rename(fresh, path) == 0;
}

void undo_keep(const char *text)
{
    uint64_t generation;
    if (snapshot_ask_generation(&generation) == STATUS_OK && !keep(generation, text))
        fprintf(stderr, "mullion: " PATH ": %s; this change cannot be undone\n", strerror(errno));
}

/* Nothing but the change that is to be undone may have been made. */
static int check_generation(const char *text)
{
    uint64_t made, now;
    if (strncmp(text, HEAD, strlen(HEAD)) != 0 || !text_number(text + strlen(HEAD), &made)) {
        fprintf(stderr, "mullion: " PATH ": this file is damaged\n");
        return STATUS_USAGE;
    }
    int status = snapshot_ask_generation(&now);
    if (status != STATUS_OK || now == made)
        return status;
    fprintf(stderr,
            "mullion: the machine was changed again (configuration %lu, now %lu), and undo would "
            "lose that; see: mullion diff " PATH "\n",
            made, now);
    return STATUS_ERRORS;
}

int undo_run(char **args, const struct options *options)
{
    struct outcome outcome = {0};
    struct snapshot now = {0};
    (void)args;
    char *text = malloc(TEXT_MAX);
    if (text == NULL)
        return STATUS_ERRORS;
    long length = tree_read(PATH, text, TEXT_MAX);
    int status = STATUS_OK;
    if (length < 0) {
        fprintf(stderr, "mullion: " PATH ": %s; there is nothing to undo\n", strerror(errno));
        status = STATUS_ERRORS;
    }
    if (status == STATUS_OK)
        status = snapshot_take(&now);
    if (status == STATUS_OK)
        status = check_generation(text);
    struct apply apply = {.path = PATH, .text = text, .base = &now, .timeout = options->timeout};
    if (status == STATUS_OK) {
        apply.length = (size_t)length;
        status = apply_text(&apply, &outcome);
    }
    snapshot_free(&now);
    free(text);
    return status;
}
