/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which number Linux had for a core that has been given to the monitor: of one that is off line it
 * tells no APIC id. Kept in /run/mullion, which is gone with the next boot, as that state is.
 */
#pragma once

#include "core/types.h"

/* Note it before the core is given away; false with errno. */
bool memo_keep(cpu_id_t core, unsigned linux_cpu);
/* Linux's number of the core, or LINUX_NO_CPU if none was kept. */
unsigned memo_find(cpu_id_t core);
void memo_drop(cpu_id_t core);
