/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion diff FILE`: what `mullion apply FILE` would change, setting by setting. */
#pragma once

#include "core/config.h"

#include "command.h"

/* Whether VM, of a file, says what the VM that is RUNNING is: what diff would print nothing of. */
bool diff_is_same(const struct config_vm *running, const struct config_vm *vm);

int diff_run(char **args, const struct options *options);
