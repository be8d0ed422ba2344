/* SPDX-License-Identifier: Apache-2.0 */
/* Which mounted file system a path lies on, from /proc/self/mountinfo (man 5 proc). */
#pragma once

#include <stdbool.h>

struct mount {
    const char *device; /* "8:1" */
    const char *root;   /* the part of the file system that is mounted */
    const char *point;
    const char *type;
    const char *source;
};

/* The mount through which PATH, absolute and without links, is seen. Valid until the next call. */
bool mounts_find(const char *path, struct mount *mount);
/* What of PATH lies below POINT, with its slash; NULL if PATH is elsewhere. */
const char *mounts_below(const char *path, const char *point);
