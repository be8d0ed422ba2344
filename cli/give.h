/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cores and memory of this Linux for the pool, and back, by its own means: what it will not release
 * is not taken.
 */
#pragma once

#include <stdint.h>

#include "command.h"

/* Bring the pool to CPUS cores and MEMORY bytes. Returns a STATUS_; what went wrong is printed. */
int give_until(uint64_t cpus, uint64_t memory);
/* Take back, and bring on line, all that is in the pool and off line here. Returns a STATUS_. */
int give_back(void);
