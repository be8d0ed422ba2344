/* SPDX-License-Identifier: Apache-2.0 */
/* What this Linux can release: cores and memory blocks, taken off line by sysfs. */
#pragma once

#include "core/types.h"

#define LINUX_REASON_MAX 160
#define LINUX_NO_CPU     UINT32_MAX

/* Linux's number of the core with this APIC id, or LINUX_NO_CPU if it is off line or unknown. */
unsigned linux_find_cpu(uint32_t apic);

/* Take a CPU on or off line; false with the reason why it does not go. */
bool linux_set_cpu(unsigned cpu, bool online, char reason[LINUX_REASON_MAX]);

/* How large a memory block is, in bytes; 0 if this Linux has none. Block N begins at N times it. */
uint64_t linux_block_size(void);

/* The blocks that are on line, or those that are not, from the highest down; how many there are. */
unsigned linux_find_blocks(bool online, const uint32_t **blocks);

/* Take a block on or off line, which moves what is in it; false with the reason. */
bool linux_set_block(uint32_t block, bool online, char reason[LINUX_REASON_MAX]);

/* From here on SIGINT and SIGTERM only end what is being waited for. Whether one has come. */
void linux_catch_signals(void);
bool linux_interrupted(void);
