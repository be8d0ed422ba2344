/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C as the usual end of a command that goes on until then. */
#pragma once

#include <stdbool.h>

/* From here on the first Ctrl-C, or SIGTERM, is noted; the second one ends the process. */
void interrupt_catch(void);
bool interrupt_came(void);
