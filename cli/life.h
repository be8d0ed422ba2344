/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that start, stop and destroy VMs, and wait until it is done. */
#pragma once

#include "command.h"

int life_start(char **args, const struct options *options);
int life_stop(char **args, const struct options *options);
int life_kill(char **args, const struct options *options);
int life_reboot(char **args, const struct options *options);
int life_resume(char **args, const struct options *options);
int life_destroy(char **args, const struct options *options);

/* Wait until no VM is in state `destroying`, at most up to LIMIT. Returns a STATUS_. */
int life_wait_destroyed(uint64_t limit);
