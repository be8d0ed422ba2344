/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file lies: its mount's device and that device's UUID. */
#include "disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mounts.h"
#include "text.h"
#include "tree.h"

#define BY_UUID "/dev/disk/by-uuid"

static const struct {
    const char *type, *module;
} file_systems[] = {
    {"ext2", "ext2"}, {"ext3", "ext2"},   {"ext4", "ext2"}, {"vfat", "fat"},
    {"xfs", "xfs"},   {"btrfs", "btrfs"}, {"f2fs", "f2fs"},
};

/* The device's name as the kernel has it, "sda1" or "dm-0"; "" if it is none. */
static void find_device(const struct mount *mount, char *name, size_t size)
{
    char path[128], uevent[1024], link[TREE_PATH_MAX];
    snprintf(path, sizeof(path), "/sys/dev/block/%.32s/uevent", mount->device);
    name[0] = '\0';
    if (tree_read(path, uevent, sizeof(uevent)) > 0 && text_field(uevent, "DEVNAME", name, size))
        return;
    /* btrfs has numbers of its own. */
    if (strncmp(mount->source, "/dev/", 5) == 0 && tree_resolve(mount->source, link, sizeof(link)))
        snprintf(name, size, "%s", strrchr(link, '/') + 1);
}

struct uuid_search {
    const char *device;
    char *uuid;
    size_t size;
};

static bool is_uuid(const char *name, size_t size)
{
    size_t length = strspn(name, "0123456789abcdefABCDEF-");
    return length > 0 && name[length] == '\0' && length < size;
}

static bool matches_uuid(const char *name, void *context)
{
    const struct uuid_search *search = context;
    char path[512], full[TREE_PATH_MAX], target[TREE_PATH_MAX];
    if (!is_uuid(name, search->size))
        return false;
    snprintf(path, sizeof(path), BY_UUID "/%s", name);
    if (!tree_path(path, full, sizeof(full)))
        return false;
    ssize_t length = readlink(full, target, sizeof(target) - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    if (strcmp(slash == NULL ? target : slash + 1, search->device) != 0)
        return false;
    strcpy(search->uuid, name);
    return true;
}

static bool dm_is(const char *device, const char *kind)
{
    char path[TREE_PATH_MAX], uuid[128];
    snprintf(path, sizeof(path), "/sys/class/block/%.200s/dm/uuid", device);
    return tree_read(path, uuid, sizeof(uuid)) > 0 && strncmp(uuid, kind, strlen(kind)) == 0;
}

static bool is_encrypted(const char *name, void *context)
{
    (void)context;
    return dm_is(name, "CRYPT-");
}

static bool has_encryption(const char *device)
{
    char path[TREE_PATH_MAX];
    snprintf(path, sizeof(path), "/sys/class/block/%.200s/slaves", device);
    return is_encrypted(device, NULL) || tree_each(path, is_encrypted, NULL);
}

static const char *file_system_module(const char *type)
{
    for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
        if (strcmp(file_systems[i].type, type) == 0)
            return file_systems[i].module;
    return NULL;
}

__attribute__((format(printf, 2, 3))) static bool fail(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, DISK_REASON_MAX, format, args);
    va_end(args);
    return false;
}

/* Fill in what GRUB must know of the file system; false with REASON. */
static bool find_file_system(const struct mount *mount, struct disk_place *place, char *reason)
{
    char device[64], folder[128];
    place->module = file_system_module(mount->type);
    if (place->module == NULL)
        return fail(reason, "%s is of a kind (%s) that GRUB is not told of here", mount->point,
                    mount->type);
    find_device(mount, device, sizeof(device));
    if (has_encryption(device))
        return fail(reason, "%s is encrypted, and GRUB would have to unlock it", mount->point);
    struct uuid_search search = {device, place->uuid, sizeof(place->uuid)};
    if (device[0] == '\0' || !tree_each(BY_UUID, matches_uuid, &search))
        return fail(reason, "%s (%s) has no UUID in " BY_UUID, mount->point, mount->source);
    place->lvm = dm_is(device, "LVM-");
    snprintf(folder, sizeof(folder), "/sys/class/block/%s/md", device);
    place->raid = tree_exists(folder);
    return true;
}

bool disk_find(const char *path, struct disk_place *place, char reason[DISK_REASON_MAX])
{
    char real[TREE_PATH_MAX];
    struct mount mount;
    if (!tree_resolve(path, real, sizeof(real)))
        return fail(reason, "%s", strerror(errno));
    if (!mounts_find(real, &mount))
        return fail(reason, "/proc/self/mountinfo does not say where it lies");
    if (!find_file_system(&mount, place, reason))
        return false;
    /* A bind mount or a subvolume shows only a part of its file system. */
    const char *root = strcmp(mount.root, "/") == 0 ? "" : mount.root;
    int length =
        snprintf(place->path, sizeof(place->path), "%s%s", root, mounts_below(real, mount.point));
    return (length >= 0 && (size_t)length < sizeof(place->path)) ||
           fail(reason, "its path is too long");
}
