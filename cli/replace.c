/* SPDX-License-Identifier: Apache-2.0 */
/* A file replaced by another, in steps each of which leaves a whole file. */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRESH ".new"

bool replace_folder(const char *path, char *folder, size_t size)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return false;
    *(strrchr(real, '/') + 1) = '\0';
    bool fits = (size_t)snprintf(folder, size, "%s", real) < size;
    free(real);
    errno = fits ? 0 : ENAMETOOLONG;
    return fits;
}

static bool write_all(int file, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t took = write(file, text + done, length - done);
        if (took < 0 && errno != EINTR)
            return false;
        done += took > 0 ? (size_t)took : 0;
    }
    return true;
}

/* Owner and mode as LIKE; a file system that has none (FAT) refuses, which is as good. */
static bool dress(int file, const struct stat *like)
{
    return (fchown(file, like->st_uid, like->st_gid) == 0 || errno == EPERM) &&
           (fchmod(file, like->st_mode & 07777) == 0 || errno == EPERM);
}

/* All of it on the disk, before its name is given to it. */
static bool write_file(const char *path, const struct stat *like, const char *text, size_t length)
{
    unlink(path); /* of a run that was cut off */
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    bool good = dress(file, like) && write_all(file, text, length) && fsync(file) == 0;
    int error = errno;
    close(file);
    errno = error;
    return good;
}

/* The names in the folder are on the disk. */
static bool sync_folder(const char *real)
{
    char folder[PATH_MAX];
    if (!replace_folder(real, folder, sizeof(folder)))
        return false;
    int number = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = number >= 0 && fsync(number) == 0;
    int error = errno;
    if (number >= 0)
        close(number);
    errno = error;
    return good;
}

static bool replace(const char *real, const char *suffix, const char *text, size_t length)
{
    char target[PATH_MAX], fresh[PATH_MAX];
    struct stat like;
    errno = ENAMETOOLONG;
    if ((size_t)snprintf(target, sizeof(target), "%s%s", real, suffix) >= sizeof(target) ||
        (size_t)snprintf(fresh, sizeof(fresh), "%s" FRESH, real) >= sizeof(fresh) ||
        stat(real, &like) != 0)
        return false;
    if (write_file(fresh, &like, text, length) && rename(fresh, target) == 0)
        return sync_folder(real);
    int error = errno;
    unlink(fresh);
    errno = error;
    return false;
}

bool replace_file(const char *path, const char *suffix, const char *text, size_t length)
{
    char *real = realpath(path, NULL);
    bool good = real != NULL && replace(real, suffix, text, length);
    int error = errno;
    free(real);
    errno = error;
    return good;
}
