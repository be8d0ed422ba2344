/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion set VM KEY=VALUE...` */
#pragma once

#include "command.h"

int set_run(char **args, const struct options *options);
