// SPDX-License-Identifier: Apache-2.0
// Role control, of the service VM: the command `mullion` has reads of the TSC in VM `mullion.peer`
// counted for a while, and shows the VM's exits before, meanwhile and afterwards.
#include "init.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND "/bin/mullion"

enum { WORDS = 4, POLL_US = 10000 };

// Its exit status, or -1.
static int run(const char *const *words)
{
    char *copy[WORDS + 1] = {0};
    int status;

    for (size_t i = 0; i < WORDS && words[i]; i++)
        copy[i] = (char *)(uintptr_t)words[i];
    pid_t child = fork();
    if (child == 0) {
        dup2(STDOUT_FILENO, STDERR_FILENO);
        execv(COMMAND, copy);
        fail(COMMAND);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

void role_control(const struct params *params)
{
    const char *vm = params->peer;
    const char *const steps[][WORDS + 1] = {
        {"mullion", "list"},
        {"mullion", "stats", vm},
        {"mullion", "set", vm, "rdtsc=count"},
        {"mullion", "stats", vm},
        {"mullion", "set", vm, "rdtsc=pass"},
        {"mullion", "stats", vm},
        {"mullion", "stats", vm},
    };

    while (access("/etc/rc", X_OK) == 0 && access("/tmp/ready", F_OK) != 0)
        usleep(POLL_US); // the script loads the driver of sockets
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        usleep((useconds_t)(params->delay_ms * 1000));
        printf("MULLION-STEP %zu %s\n", i, steps[i][1]);
        printf("MULLION-STATUS %zu %d\n", i, run(steps[i]));
    }
    printf("MULLION-DONE %s\n", params->nonce);
    for (;;)
        pause();
}
