/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion edit` */
#pragma once

#include "command.h"

int edit_run(char **args, const struct options *options);
