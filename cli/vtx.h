/* SPDX-License-Identifier: Apache-2.0 */
/* Intel VT-x as `mullion probe` sees it: switched on, EPT, and all else that the monitor asks for.
 */
#pragma once

#include "probe.h"

/* What /proc/cpuinfo says. */
struct vtx_seen {
    bool hidden;       /* the processor has VT-x, and the kernel has found it switched off */
    const char *flags; /* the line `vmx flags`, "" if there is none */
};

/* Add what a processor with VT-x has and has not. */
void vtx_report(struct report *report, const struct vtx_seen *seen);
