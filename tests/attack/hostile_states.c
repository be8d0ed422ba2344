/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile states of a core, one after the other on the second one. The first fetches it back by
 * INIT. A state may end the VM; it then starts anew and goes on with the next, whose number is kept
 * in memory that no loader writes.
 */
#include "hostile_states.h"

#define PLACE    0x1801000ull
#define MAGIC    0x7374617465732121ull
#define PATIENCE 100000000ull /* TSC cycles for a state that does not say that it is through */

struct progress {
    uint64_t magic, next, ended;
    uint64_t inside; /* a state was being tried when the VM started anew */
};

static struct way way;
static volatile bool through;

static void msr_read(void *argument)
{
    *(uint64_t *)argument = rdmsr(0x1b);
}

static void foreign(void *argument)
{
    *(volatile uint64_t *)FOREIGN = *(const uint64_t *)argument;
}

void state_exits(void)
{
    uint64_t value = 0;
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    out8(0x80, 0);
    attempt(msr_read, &value);
    attempt(foreign, &value);
    __asm__ volatile("wbinvd; invd" : : : "memory");
}

static void state_job(void)
{
    way.run(way.number);
    state_exits();
    through = true;
    for (;;)
        relax();
}

/* Start the second core in real mode at what was copied. */
static void start_there(void)
{
    ipi(cpus[1].apic_id, DELIVERY_INIT << 8);
    ipi(cpus[1].apic_id, DELIVERY_SIPI << 8 | STATE_PAGE >> 12);
}

void state_copy(const uint8_t *from, const uint8_t *end)
{
    volatile uint8_t *to = (volatile uint8_t *)STATE_PAGE;
    while (from < end)
        *to++ = *from++;
}

static void try(struct progress *progress)
{
    uint64_t end = rdtsc() + PATIENCE;
    through = false;
    progress->inside = 1;
    if (way.start != NULL) {
        state_copy(way.start, way.end);
        start_there();
    } else {
        cpu_run(&cpus[1], state_job);
    }
    while (!through && rdtsc() < end)
        relax();
    if (!cpu_revive(&cpus[1]))
        bad("a core does not come back from this state", way.number, 0);
    progress->inside = 0;
}

void attack_states(void)
{
    struct progress *progress = (struct progress *)PLACE;
    if (progress->magic != MAGIC)
        *progress = (struct progress){MAGIC, 0, 0, 0};
    progress->ended += progress->inside;
    if (cpu_count < 2)
        return;
    while (state_way((unsigned)progress->next, &way)) {
        progress->next++;
        if (way.number == 0)
            print("HOSTILE state %s\n", way.name);
        try(progress);
    }
    print("HOSTILE states: %lu tried, %lu ended the VM\n", progress->next, progress->ended);
    progress->magic = 0;
}
