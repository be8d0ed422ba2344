/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion top`: what leaves the VMs, and what goes between them, each second. */
#pragma once

#include "command.h"

int top_run(char **args, const struct options *options);
