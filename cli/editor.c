/* SPDX-License-Identifier: Apache-2.0 */
/* The user's editor: $VISUAL, $EDITOR, `editor` or `vi`. */
#include "editor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "status.h"

#define NOT_FOUND 127 /* as the shell says it */

/* What the user has asked for, or NULL. It may have arguments: the shell takes it apart. */
static const char *find_wanted(void)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    if (visual != NULL && visual[0] != '\0')
        return visual;
    return editor != NULL && editor[0] != '\0' ? editor : NULL;
}

static void become_editor(const char *path)
{
    const char *wanted = find_wanted();
    char command[4096];
    if (wanted == NULL) {
        execlp("editor", "editor", path, (char *)NULL);
        execlp("vi", "vi", path, (char *)NULL);
    } else if ((size_t)snprintf(command, sizeof(command), "%s \"$1\"", wanted) < sizeof(command)) {
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
    }
    _exit(NOT_FOUND);
}

int editor_run(const char *path)
{
    int result = 0;
    fflush(stdout);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGINT, &ignore, &before); /* Ctrl-C is the editor's */
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        become_editor(path);
    }
    while (child > 0 && waitpid(child, &result, 0) < 0 && errno == EINTR)
        continue;
    sigaction(SIGINT, &before, NULL);
    if (child > 0 && WIFEXITED(result) && WEXITSTATUS(result) == 0)
        return STATUS_OK;
    if (child > 0 && WIFEXITED(result) && WEXITSTATUS(result) == NOT_FOUND)
        fprintf(stderr, "mullion: there is no editor; set EDITOR to the name of one\n");
    else
        fprintf(stderr, "mullion: the editor has failed\n");
    return STATUS_ERRORS;
}

int draft_make(struct draft *draft, const char *text)
{
    const char *base = getenv("TMPDIR");
    char folder[2048], path[2080];
    snprintf(folder, sizeof(folder), "%s/mullion-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    *draft = (struct draft){0};
    if (mkdtemp(folder) == NULL) {
        fprintf(stderr, "mullion: %s: %s\n", folder, strerror(errno));
        return STATUS_ERRORS;
    }
    draft->folder = strdup(folder);
    snprintf(path, sizeof(path), "%s/mullion.conf", folder);
    int number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = number >= 0 ? fdopen(number, "w") : NULL;
    bool good = file != NULL && fputs(text, file) >= 0;
    good = file != NULL && fclose(file) == 0 && good;
    draft->path = strdup(path);
    if (good && draft->folder != NULL && draft->path != NULL)
        return STATUS_OK;
    fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
    return STATUS_ERRORS;
}

void draft_drop(struct draft *draft, bool kept)
{
    if (!kept && draft->path != NULL)
        unlink(draft->path);
    if (!kept && draft->folder != NULL)
        rmdir(draft->folder); /* the editor may have left a file of its own in it */
    free(draft->path);
    free(draft->folder);
    *draft = (struct draft){0};
}
