/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion diff FILE`: what `mullion apply FILE` would change. */
#pragma once

#include "command.h"

int diff_run(char **args, const struct options *options);
