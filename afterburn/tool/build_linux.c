/* SPDX-License-Identifier: Apache-2.0 */
/* `afterburn build-linux`: the tree's program that fetches, configures and builds it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "tool.h"

#define PROGRAM       "tools/prepared_linux.py"
#define ARGUMENTS_MAX 16

/* The tree is where this program lies: TREE/build/afterburn/afterburn. */
static void find_program(char *path, size_t room)
{
    ssize_t length = readlink("/proc/self/exe", path, room - 1);
    if (length < 0)
        fail("/proc/self/exe: %s; mount /proc", strerror(errno));
    path[length] = '\0';
    for (int level = 0; level < 3; level++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
    }
    size_t used = strlen(path);
    if (used + sizeof("/" PROGRAM) > room)
        fail("%s: this path is too long", path);
    memcpy(path + used, "/" PROGRAM, sizeof("/" PROGRAM));
}

int build_linux(char **arguments)
{
    char path[PATH_MAX];
    char *list[ARGUMENTS_MAX + 2] = {path};
    find_program(path, sizeof(path));
    if (access(path, X_OK) != 0)
        fail("%s: %s; run the afterburn that lies in the tree it was built in", path,
             strerror(errno));
    for (int i = 0; arguments[i] != NULL; i++) {
        if (i == ARGUMENTS_MAX)
            fail("build-linux: too many arguments");
        list[i + 1] = arguments[i];
    }
    execv(path, list);
    fail("%s: %s; it needs /usr/bin/python3", path, strerror(errno));
}
