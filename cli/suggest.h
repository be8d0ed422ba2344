/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion suggest`: lines for what a VM has used that no line names. */
#pragma once

#include "command.h"

int suggest_run(char **args, const struct options *options);
