/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An NMI storm in which none may be lost or appear from nowhere. NMIs coalesce, so each is sent
 * only when the one before has been counted: even ones by the other core, odd ones by the core
 * itself. Both cores are hit, so each is a sender and a receiver at once.
 */
#include "guest.h"

#define REPORT_EVERY 20000u
#define LOST_AFTER   80000000000ull /* TSC cycles: 20 s and more */

struct target {
    volatile uint64_t sent;
    volatile uint64_t since; /* TSC when the last was sent */
    volatile uint64_t got;
};

static struct target targets[2];
static volatile bool bad;

static void report_bad(const struct target *target, const char *what)
{
    if (!__atomic_exchange_n(&bad, true, __ATOMIC_RELAXED))
        print("NMI BAD sent %lu got %lu: %s on core %u\n", target->sent, target->got, what,
              (unsigned)(target - targets));
}

static void count(struct cpu *cpu)
{
    targets[cpu->index].got++;
}

static void send(unsigned to)
{
    struct target *target = &targets[to];
    target->since = rdtsc();
    target->sent++; /* before the NMI: more received than sent is then spurious for sure */
    ipi(cpus[to].apic_id, DELIVERY_NMI << 8);
}

static void storm(void)
{
    unsigned self = this_cpu()->index;
    uint64_t next = REPORT_EVERY;
    while (!bad) {
        for (unsigned to = 0; to < 2; to++) {
            struct target *target = &targets[to];
            uint64_t got = target->got, sent = target->sent;
            unsigned turn = sent % 2 == 0 ? 1 - to : to;
            if (got > sent && target->got > target->sent)
                report_bad(target, "spurious");
            if (got == sent && turn == self)
                send(to);
            else if (got < sent && target->got < target->sent && target->sent == sent &&
                     rdtsc() - target->since > LOST_AFTER && target->got < sent)
                report_bad(target, "lost");
        }
        if (self == 0 && targets[0].got + targets[1].got >= next) {
            print("NMI OK %lu\n", next);
            next += REPORT_EVERY;
        }
        relax();
    }
}

void guest_main(void)
{
    on_nmi = count;
    if (cpu_count < 2 || !cpu_revive(&cpus[1])) {
        print("NMI BAD sent 0 got 0: the second core does not start\n");
        return;
    }
    print("NMI begin: cores %u and %u\n", cpus[0].apic_id, cpus[1].apic_id);
    cpu_run(&cpus[1], storm);
    storm();
    for (;;)
        __asm__ volatile("hlt");
}
