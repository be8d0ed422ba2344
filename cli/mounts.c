/* SPDX-License-Identifier: Apache-2.0 */
/* Which mounted file system a path lies on. */
#include "mounts.h"

#include <stddef.h>
#include <string.h>

#include "tree.h"

#define MOUNTS_MAX (1024 * 1024)

/* "\040" and the like, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                     from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        *to = octal ? (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0')) : *from;
        from += octal ? 4 : 1;
    }
    *to = '\0';
}

/* Cut LINE into words; false if it is no line of mountinfo. */
static bool read_mount(char *line, struct mount *mount)
{
    char *words[6], *rest = NULL;
    for (unsigned i = 0; i < 6; i++)
        if ((words[i] = strtok_r(i == 0 ? line : NULL, " ", &rest)) == NULL)
            return false;
    char *word;
    do /* optional fields, up to a lone dash */
        word = strtok_r(NULL, " ", &rest);
    while (word != NULL && strcmp(word, "-") != 0);
    char *type = word == NULL ? NULL : strtok_r(NULL, " ", &rest);
    char *source = type == NULL ? NULL : strtok_r(NULL, " ", &rest);
    if (source == NULL)
        return false;
    unescape(words[3]);
    unescape(words[4]);
    unescape(source);
    *mount = (struct mount){words[2], words[3], words[4], type, source};
    return true;
}

const char *mounts_below(const char *path, const char *point)
{
    size_t length = strcmp(point, "/") == 0 ? 0 : strlen(point);
    bool inside = strncmp(path, point, length) == 0 && (path[length] == '/' || path[length] == 0);
    return inside ? path + length : NULL;
}

/* The mount that PATH is seen through: the longest, of equals the last. */
bool mounts_find(const char *path, struct mount *best)
{
    static char mounts[MOUNTS_MAX];
    bool found = false;
    tree_read("/proc/self/mountinfo", mounts, sizeof(mounts));
    char *rest = NULL;
    for (char *line = strtok_r(mounts, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mount mount;
        if (!read_mount(line, &mount) || mounts_below(path, mount.point) == NULL ||
            (found && strlen(mount.point) < strlen(best->point)))
            continue;
        *best = mount;
        found = true;
    }
    return found;
}
