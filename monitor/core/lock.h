/* SPDX-License-Identifier: Apache-2.0 */
/* A spin lock. The monitor runs with interrupts off and holds locks for short, bounded times. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct lock {
    atomic_flag taken;
};

#define LOCK_INIT                                                                                  \
    {                                                                                              \
        ATOMIC_FLAG_INIT                                                                           \
    }

static inline void lock_take(struct lock *lock)
{
    while (atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire))
        ;
}

/* False: somebody has it. */
static inline bool lock_try(struct lock *lock)
{
    return !atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire);
}

static inline void lock_release(struct lock *lock)
{
    atomic_flag_clear_explicit(&lock->taken, memory_order_release);
}
