/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two texts, line by line. */
#pragma once

#include <stdio.h>

/*
 * Print what makes NOW of BEFORE: `-` and `+` before a line that goes or comes, and once before
 * them the first line of the block in which they stand.
 */
void lines_print_difference(FILE *out, const char *before, const char *now);
