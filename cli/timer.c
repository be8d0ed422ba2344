/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

#include <time.h>

uint64_t timer_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void timer_sleep(unsigned milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

uint64_t timer_limit(uint64_t seconds, uint64_t default_seconds)
{
    return timer_now() + (seconds != 0 ? seconds : default_seconds) * 1000;
}

bool timer_passed(uint64_t limit)
{
    return timer_now() >= limit;
}
