/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the small texts of /proc and /sys. Any bytes are safe. */
#pragma once

#include "core/types.h"

/* The value behind `KEY:` or `KEY=` at the begin of a line, printable; false if there is none. */
bool text_field(const char *text, const char *key, char *value, size_t size);
/* Whether WORD stands in TEXT between blanks. */
bool text_has_word(const char *text, const char *word);
/* A number, decimal or 0x..., at the begin of TEXT; false if there is none or it is too large. */
bool text_number(const char *text, uint64_t *value);
/* As text_number, but hexadecimal even without 0x; *TEXT goes behind it. */
bool text_hex(const char **text, uint64_t *value);
/* How many numbers the list "0-3,8" has; those that can be cores go to SET, unless it is NULL. */
unsigned text_count_list(const char *text, struct cpu_set *set);
/* Cut TEXT at its first line's end, and replace what cannot be printed by `?`. */
void text_clean(char *text);
