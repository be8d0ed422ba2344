/* SPDX-License-Identifier: Apache-2.0 */
/* A file replaced by another: whoever looks, also after a power cut, finds the one or the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where the file at PATH lies, behind symbolic links; false with errno. */
bool replace_folder(const char *path, char *folder, size_t size);

/*
 * Write the text to the file at PATH with SUFFIX, on the disk when this returns; PATH itself
 * exists, and gives it its owner and mode. False with errno.
 */
bool replace_file(const char *path, const char *suffix, const char *text, size_t length);
