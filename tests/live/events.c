/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does everything that controls can watch, so many times, and says what came of it.
 * Words of its command line: rounds=N; end=triple, which ends its first start by a triple fault.
 */
#include "events.h"

#define CR4_OSXSAVE (1ull << 18)
#define ROUNDS      20u
#define NMI_TURNS   1000000u
#define MARK_EVENTS 0x20u        /* and one more for the end of each */
#define START_PLACE 0x1800000ull /* memory that no loader writes */
#define START_MAGIC 0x6576656e74ull

struct came {
    uint64_t done, faults, wrong;
    int vector; /* of the last fault, or -1 */
};

static uint64_t nested; /* exceptions in the handler of NMIs */

/* A NOP that nobody else uses: what counts outside finds it, and reads EAX. */
static void mark(unsigned id)
{
    __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n\t.ascii \"MARK\"" : : "a"(id) : "memory");
}

static void times(const struct event *event, uint64_t last, struct came *came)
{
    while (came->done < last) {
        uint64_t number = ++came->done;
        int vector = attempt(event->once, &number);
        if (vector < 0)
            continue;
        came->faults++;
        came->vector = vector;
    }
}

/* The first time lies before the mark: what is told in the log once is no event's cost. */
static void run(unsigned index, uint64_t rounds)
{
    struct came came = {0, 0, 0, -1};
    wrong = seen = 0;
    times(&events[index], 1, &came);
    mark(MARK_EVENTS + 2 * index);
    times(&events[index], rounds + index, &came);
    mark(MARK_EVENTS + 2 * index + 1);
    print("EVENT %s done %lu faults %lu vector %d wrong %lu seen %lx\n", events[index].name,
          came.done, came.faults, came.vector, wrong, seen);
}

static void undefined(void *argument)
{
    (void)argument;
    __asm__ volatile("ud2");
}

/* The IRET of this exception's handler opens for the next NMI, before the NMI's own handler ends.
 */
static void in_nmi(struct cpu *cpu)
{
    (void)cpu;
    nested += attempt(undefined, NULL) == VECTOR_UD;
}

static void nmis(uint64_t count)
{
    struct cpu *cpu = this_cpu();
    uint64_t got = 0;
    on_nmi = in_nmi;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t before = cpu->nmis;
        ipi(cpu->apic_id, DELIVERY_NMI << 8);
        for (unsigned turn = 0; turn < NMI_TURNS && cpu->nmis == before; turn++)
            __asm__ volatile("");
        got += cpu->nmis - before;
        attempt(undefined, NULL);
    }
    print("EVENTS nmis sent %lu got %lu nested %lu\n", count, got, nested);
}

static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    print("EVENTS first start\n");
    __asm__ volatile("lidt %0; int3" : : "m"(none));
}

static void end_first_start(void)
{
    volatile uint64_t *start = (volatile uint64_t *)START_PLACE;
    if (*start == START_MAGIC)
        return;
    *start = START_MAGIC;
    triple_fault();
}

void guest_main(void)
{
    extern uint64_t gdt[];
    char end[8] = "";
    uint64_t cr4, rounds = option_number("rounds");
    if (option("end", end, sizeof(end)) && same(end, "triple"))
        end_first_start();
    gdt[11] = 0x0000130000000000ull; /* selector 58: data, not present */
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE) : "memory");
    for (unsigned i = 0; i < event_count; i++)
        run(i, rounds != 0 ? rounds : ROUNDS);
    nmis(rounds != 0 ? rounds : ROUNDS);
    print("EVENTS end\n");
}
