/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that change what VMs there are, by configuration text. Each returns a STATUS_. */
#pragma once

#include "core/config.h"

#include "command.h"

int create_vms(char **args, const struct options *options);
int create_apply(char **args, const struct options *options);

/* The monitor's configuration as it is, parsed. Its text in *TEXT, until the next request. */
int create_ask_config(struct config *config, const char **text);
/* The VM called NAME, or NULL. */
const struct config_vm *create_find(const struct config *config, const char *name);
