/* SPDX-License-Identifier: Apache-2.0 */
/* The files of this machine, or of a copy of another one's. Anything may be missing or damaged. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root = "";

void tree_set_root(const char *folder)
{
    root = folder;
}

bool tree_is_copy(void)
{
    return root[0] != '\0';
}

bool tree_path(const char *path, char *full, size_t size)
{
    const char *slash = tree_is_copy() && path[0] != '/' ? "/" : "";
    int length = snprintf(full, size, "%s%s%s", root, slash, path);
    errno = ENAMETOOLONG;
    return length >= 0 && (size_t)length < size;
}

static long read_all(int file, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(file, text + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (long)length;
}

long tree_read(const char *path, char *text, size_t size)
{
    char full[TREE_PATH_MAX];
    text[0] = '\0';
    /* A copy may have a pipe in the place of a file: do not wait for its other end. */
    int file =
        tree_path(path, full, sizeof(full)) ? open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (file < 0)
        return -1;
    long length = read_all(file, text, size - 1);
    int error = errno;
    close(file);
    errno = error;
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

bool tree_exists(const char *path)
{
    char full[TREE_PATH_MAX];
    return tree_path(path, full, sizeof(full)) && access(full, F_OK) == 0;
}

bool tree_is_file(const char *path)
{
    char full[TREE_PATH_MAX];
    struct stat status;
    return tree_path(path, full, sizeof(full)) && stat(full, &status) == 0 &&
           S_ISREG(status.st_mode);
}

/* The copy's folder without symbolic links, "" for the machine itself; false with errno. */
static bool resolve_root(char *resolved)
{
    resolved[0] = '\0';
    if (tree_is_copy() && realpath(root, resolved) == NULL)
        return false;
    if (strcmp(resolved, "/") == 0)
        resolved[0] = '\0';
    return true;
}

bool tree_resolve(const char *path, char *resolved, size_t size)
{
    static char full[TREE_PATH_MAX], real[TREE_PATH_MAX], base[TREE_PATH_MAX];
    if (!resolve_root(base) || !tree_path(path, full, sizeof(full)) || realpath(full, real) == NULL)
        return false;
    size_t length = strlen(base);
    if (strncmp(real, base, length) != 0 || (real[length] != '/' && real[length] != '\0')) {
        errno = EXDEV; /* a link out of the copy */
        return false;
    }
    errno = ENAMETOOLONG;
    return (size_t)snprintf(resolved, size, "%s", real + length) < size;
}

bool tree_each(const char *folder, bool (*visit)(const char *name, void *context), void *context)
{
    char full[TREE_PATH_MAX];
    DIR *list = tree_path(folder, full, sizeof(full)) ? opendir(full) : NULL;
    bool found = false;
    if (list == NULL)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(list)) != NULL;)
        found = entry->d_name[0] != '.' && visit(entry->d_name, context);
    closedir(list);
    return found;
}
