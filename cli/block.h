/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's block in a configuration as the monitor writes it, and lines added to it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * TEXT with each of SETTINGS, KEY=VALUE up to a NULL, as a line at the end of the block that begins
 * in line LINE; lines of the block that say the same key go. For the caller to free; NULL if memory
 * is short. *FIRST is the line of the first setting.
 */
char *block_add(const char *text, unsigned line, char *const *settings, unsigned *first);

/* Whether SETTING is a key, `=` and a value, and one line inside a block. */
bool block_is_setting(const char *setting);
