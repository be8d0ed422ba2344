/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's block in a configuration, and lines added to it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "core/config.h"

/*
 * TEXT with each of SETTINGS, KEY=VALUE up to a NULL, as a line at the end of the block that begins
 * at PLACE; lines of the block that say the same key, and nothing else, go. For the caller to free;
 * NULL if memory is short. *FIRST is the line of the first setting.
 */
char *block_add(const char *text, struct config_position place, char *const *settings,
                unsigned *first);

/* The setting as such a line. */
void block_write_setting(FILE *out, const char *setting);

/* Whether SETTING is a key, `=` and a value, and one line inside a block. */
bool block_is_setting(const char *setting);
