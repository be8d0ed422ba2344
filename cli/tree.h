/* SPDX-License-Identifier: Apache-2.0 */
/* The files of this machine, or of a copy of another one's under `--root DIR`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TREE_PATH_MAX 4096

/* From here on all paths are below FOLDER; "" is the machine itself. */
void tree_set_root(const char *folder);
bool tree_is_copy(void);

/* The path by which the system knows PATH; false if it is too long. */
bool tree_path(const char *path, char *full, size_t size);

/*
 * Read the file at PATH into TEXT, up to SIZE - 1 bytes, and end it with a NUL. Returns the length,
 * or -1, errno and an empty text.
 */
long tree_read(const char *path, char *text, size_t size);
bool tree_exists(const char *path);
/* As tree_exists, but of a regular file. */
bool tree_is_file(const char *path);
/* PATH without symbolic links, as the machine (not the copy) names it; false with errno. */
bool tree_resolve(const char *path, char *resolved, size_t size);

/* Call VISIT for each name in FOLDER until it returns true; whether one did. */
bool tree_each(const char *folder, bool (*visit)(const char *name, void *context), void *context);
