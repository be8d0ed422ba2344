/* SPDX-License-Identifier: Apache-2.0 */
#include "apart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"

int apart_run(int (*run)(void *context), void *context)
{
    int result = 0;
    fflush(stdout);
    control_close();
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "mullion: %s\n", strerror(errno));
        return STATUS_ERRORS;
    }
    if (child == 0) {
        int status = run(context);
        fflush(stdout);
        _exit(status);
    }
    while (waitpid(child, &result, 0) < 0)
        if (errno != EINTR)
            return STATUS_ERRORS;
    return WIFEXITED(result) ? WEXITSTATUS(result) : STATUS_ERRORS;
}
