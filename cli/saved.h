/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved file: what the next boot reads as mullion.conf. It is the one that `mullion grub-entry`
 * takes, or another where an option says so.
 */
#pragma once

#include <stddef.h>

#include "core/config.h"

#include "command.h"

#define SAVED_DEFAULT "/boot/mullion/mullion.conf"
#define SAVED_ADVICE  "write --saved and the one that your boot entry names"

/* The path: GIVEN, or for NULL the default one. */
const char *saved_path(const char *given);
/* The path of what the options want to be replaced; NULL if they do not. */
const char *saved_wanted(const struct options *options);

/* The file's text, ended with a NUL, for the caller to free; NULL with errno. */
char *saved_load(const char *path, size_t *length);
/* Print why not, with errno, and ADVICE if there is no such file. Returns STATUS_USAGE. */
int saved_fail(const char *path, const char *advice);
/* As saved_load, and parsed; prints what is wrong. Returns a STATUS_. */
int saved_read(const char *path, char **text, struct config *config);

/* Whether it is there and can be replaced; says so if not. Returns a STATUS_. */
int saved_check(const char *path);

/* Put TEXT in its place, never with less than one whole file there, and keep the old one as PATH~.
   Tells what the next boot needs besides. Returns a STATUS_. */
int saved_write(const char *path, const char *text, size_t length);
