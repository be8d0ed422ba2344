/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion create`, `diff`, `upload` and `forget`. */
#pragma once

#include "command.h"

int create_run(char **args, const struct options *options);
int create_diff(char **args, const struct options *options);
int create_upload(char **args, const struct options *options);
int create_forget(char **args, const struct options *options);
