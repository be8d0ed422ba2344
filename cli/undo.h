/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration before the last change, kept in /run/mullion/undo, and `mullion undo`. */
#pragma once

#include "command.h"

/* Keep TEXT as what was before the change that has just been made; says so if it cannot. */
void undo_keep(const char *text);

/* Returns a STATUS_. */
int undo_run(char **args, const struct options *options);
