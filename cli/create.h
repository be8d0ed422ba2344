/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion create`, and the configuration that is there. Each function returns a STATUS_. */
#pragma once

#include "core/config.h"

#include "command.h"

int create_vms(char **args, const struct options *options);

/* The monitor's configuration as it is, parsed. Its text in *TEXT, until the next request. */
int create_ask_config(struct config *config, const char **text);
/* The VM called NAME, or NULL. */
const struct config_vm *create_find(const struct config *config, const char *name);
