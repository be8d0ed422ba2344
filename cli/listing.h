/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that show what the monitor knows. Each returns a STATUS_. */
#pragma once

#include "command.h"

int listing_show(char **args, const struct options *options);
int listing_machine(char **args, const struct options *options);
int listing_stats(char **args, const struct options *options);
int listing_config(char **args, const struct options *options);
