/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion console VM`: what it has written, then both directions until Ctrl-]. */
#pragma once

#include "command.h"

int console_run(char **args, const struct options *options);
