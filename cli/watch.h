/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion apply --watch FILE` */
#pragma once

#include "apply.h"

/* Apply the file at APPLY's path now, and each time it is saved, until Ctrl-C. Returns a STATUS_.
 */
int watch_run(const struct apply *apply);
