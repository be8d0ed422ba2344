/* SPDX-License-Identifier: Apache-2.0 */
/* The ids and addresses of the machine, as types that cannot be swapped by mistake. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A host-physical address: a byte of the machine's memory. */
typedef struct {
    uint64_t v;
} hpa_t;

/* A guest-physical address: a byte of a VM's memory as the VM numbers it. */
typedef struct {
    uint64_t v;
} gpa_t;

/* A local APIC's id, as the hardware uses it in an interrupt command. */
typedef struct {
    uint32_t v;
} apic_id_t;

/* A core's number: the index of the core in `struct machine`. */
typedef uint32_t cpu_id_t;

#define MAX_CPUS    256u
#define MAX_VMS     16u
#define MAX_NODES   16u
#define MAX_MODULES 64u

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define PAGE_SIZE  (4 * KIB)
#define LARGE_PAGE (2 * MIB)
#define HUGE_PAGE  GIB

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t align_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) & ~(unit - 1);
}

static inline uint64_t align_down(uint64_t value, uint64_t unit)
{
    return value & ~(unit - 1);
}

/* A set of cores, one bit each. */
struct cpu_set {
    uint64_t bits[MAX_CPUS / 64];
};

static inline void cpu_set_add(struct cpu_set *set, cpu_id_t cpu)
{
    set->bits[cpu / 64] |= 1ull << (cpu % 64);
}

static inline void cpu_set_remove(struct cpu_set *set, cpu_id_t cpu)
{
    set->bits[cpu / 64] &= ~(1ull << (cpu % 64));
}

static inline bool cpu_set_has(const struct cpu_set *set, cpu_id_t cpu)
{
    return cpu < MAX_CPUS && (set->bits[cpu / 64] >> (cpu % 64) & 1) != 0;
}

static inline unsigned cpu_set_count(const struct cpu_set *set)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++)
        count += cpu_set_has(set, cpu) ? 1u : 0u;
    return count;
}
