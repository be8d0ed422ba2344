/* SPDX-License-Identifier: Apache-2.0 */
/* KEY=VALUE words of the command line, lines of a text, so that what is wrong is told by the word.
 */
#pragma once

#include <stdbool.h>

#include "control.h"
#include "core/config.h"

/* Whether all WORDS, up to a NULL, are settings; says which is not. Returns a STATUS_. */
int settings_check(char *const *words);
/* They stand in the text from line FIRST on; what is said below is of that text. */
void settings_place(char *const *words, unsigned first);
/* Whether one of them is about KEY. */
bool settings_have(char *const *words, const char *key);

/* Read the text as the monitor will, and print what is wrong. Returns a STATUS_. */
int settings_parse(const char *text, struct config *config);
/* The monitor's reasons; those of a line of the text have its number and column before them. */
void settings_complain(const struct answer *answer);
