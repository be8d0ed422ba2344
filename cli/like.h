/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion create NAME --like VM`: one more VM of a kind that is there. */
#pragma once

#include "command.h"

/* Returns a STATUS_. */
int like_create(char **args, const struct options *options);
