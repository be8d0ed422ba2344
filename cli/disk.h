/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file lies, as a boot loader would name it: file system, and path in that. */
#pragma once

#include <stdbool.h>

#define DISK_PATH_MAX   4096
#define DISK_REASON_MAX 512

struct disk_place {
    char uuid[64];            /* of the file system */
    char path[DISK_PATH_MAX]; /* from the file system's own root on */
    const char *module;       /* of GRUB, that reads this kind of file system */
    bool lvm, raid;           /* what it lies on */
};

/* Find the place of the file at PATH; false with REASON: what is wrong, and what to change. */
bool disk_find(const char *path, struct disk_place *place, char reason[DISK_REASON_MAX]);
