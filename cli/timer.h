/* SPDX-License-Identifier: Apache-2.0 */
/* Time limits. The monitor has no timer: who wants to wait looks again and again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that only goes forward. */
uint64_t timer_now(void);
void timer_sleep(unsigned milliseconds);

/* The time SECONDS from now, or DEFAULT_SECONDS if they are 0. */
uint64_t timer_limit(uint64_t seconds, uint64_t default_seconds);
bool timer_passed(uint64_t limit);
