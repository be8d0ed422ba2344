/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion trace VM`: what the VM does that its settings say `log` of. */
#pragma once

#include "command.h"

int trace_run(char **args, const struct options *options);
