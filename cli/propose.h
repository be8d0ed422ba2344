/* SPDX-License-Identifier: Apache-2.0 */
/* A mullion.conf for the machine that was probed. */
#pragma once

#include "probe.h"

/* Print it. */
void propose_print(const struct probe_facts *facts);
