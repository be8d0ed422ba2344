/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion list`: the VMs, and which of them are not as in the saved file. */
#pragma once

#include "command.h"

/* Returns a STATUS_. */
int list_run(char **args, const struct options *options);
