/* SPDX-License-Identifier: Apache-2.0 */
/* The interrupt command register: every vector, mode, shorthand and kind of target; and floods. */
#include "hostile.h"

#define VECTORS      256u
#define SHORTHANDS   4u
#define NO_CORE      0x3fu /* no machine of these tests has so many */
#define FLOOD        100000u
#define LEGAL        16u
#define SHORTHAND(n) ((uint64_t)(n) << 18)
#define SELF         1u
#define ALL          2u

enum target { THIS, OTHER, FOREIGN, NOBODY, TARGETS };

static bool is_own(uint32_t apic_id)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id == apic_id)
            return true;
    return false;
}

/* A core of another VM: the first APIC id that is not ours. */
static uint32_t foreign_core(void)
{
    uint32_t id = 0;
    while (is_own(id))
        id++;
    return id;
}

static uint32_t target_id(enum target target)
{
    const uint32_t ids[TARGETS] = {cpus[0].apic_id, cpus[cpu_count > 1].apic_id, foreign_core(),
                                   NO_CORE};
    return ids[target];
}

static void command(void *argument)
{
    wrmsr(X2APIC_ICR, *(const uint64_t *)argument);
}

static bool sendable(uint32_t delivery)
{
    return delivery <= 1 || (delivery >= DELIVERY_NMI && delivery <= DELIVERY_SIPI);
}

/* What the monitor says to it: #GP for kinds that no VM may send; cores of others are left out;
 * a vector that the APIC would not take is dropped before anybody is looked for. */
static void send(uint64_t value, uint32_t delivery, bool foreign)
{
    bool dropped = delivery <= 1 && (value & 0xff) < LEGAL;
    bool refused = attempt(command, &value) == VECTOR_GP;
    tally(IPIS, refused || (foreign && !dropped));
    if (refused)
        tally(MSRS, true);
    if (refused == sendable(delivery))
        bad(refused ? "a good IPI was refused" : "a bad IPI was taken", delivery, value);
}

/* INIT to oneself would end the attack here; attack_init has it. */
static bool ends_us(uint32_t delivery, unsigned shorthand, enum target target)
{
    return delivery == DELIVERY_INIT &&
           (shorthand == SELF || shorthand == ALL || (shorthand == 0 && target == THIS));
}

static void every_vector(uint32_t delivery, unsigned shorthand, enum target target)
{
    if (ends_us(delivery, shorthand, target))
        return;
    uint64_t base = (uint64_t)target_id(target) << 32 | SHORTHAND(shorthand) | delivery << 8;
    bool foreign = shorthand == 0 && target >= FOREIGN;
    for (uint64_t vector = 0; vector < VECTORS; vector++)
        send(base | ICR_ASSERT | vector, delivery, foreign);
}

/* Trigger mode and de-assertion in all four forms. */
static void every_form(uint32_t delivery, enum target target)
{
    if (delivery == DELIVERY_INIT && target == THIS)
        return;
    for (uint64_t form = 0; form < 4; form++)
        send((uint64_t)target_id(target) << 32 | form << 14 | delivery << 8 | VECTOR_IPI, delivery,
             target >= FOREIGN);
}

static void revive_others(void)
{
    for (unsigned i = 1; i < cpu_count; i++)
        if (!cpu_revive(&cpus[i]))
            bad("a core does not start again", cpus[i].apic_id, 0);
    tallies[IPIS].attempts += 2 * (cpu_count - 1);
}

void attack_icr(void)
{
    struct cpu *self = this_cpu();
    uint64_t interrupts = self->interrupts, nmis = self->nmis;
    idt_plain(true); /* vectors 17 and 21 come without the error code of these exceptions */
    __asm__ volatile("sti");
    for (uint32_t delivery = 0; delivery < 8; delivery++) {
        for (unsigned shorthand = 0; shorthand < SHORTHANDS; shorthand++)
            for (enum target target = 0; target < TARGETS; target++)
                every_vector(delivery, shorthand, target);
        for (enum target target = 0; target < TARGETS; target++)
            every_form(delivery, target);
        if (delivery == DELIVERY_INIT)
            revive_others(); /* SIPIs that come next must meet a core that runs, and are nothing */
    }
    wait_seconds(1);
    __asm__ volatile("cli");
    idt_plain(false);
    if (self->interrupts == interrupts || self->nmis == nmis)
        bad("own IPIs do not come", self->interrupts - interrupts, self->nmis - nmis);
}

static volatile uint64_t flooded;

static void flood(void)
{
    uint64_t foreign = (uint64_t)foreign_core() << 32 | ICR_ASSERT | VECTOR_IPI;
    uint64_t self = (uint64_t)this_cpu()->apic_id << 32 | ICR_ASSERT;
    __asm__ volatile("sti");
    for (uint64_t i = 0; i < FLOOD; i++) {
        wrmsr(X2APIC_ICR, i % 8 == 7 ? foreign - VECTOR_IPI + (DELIVERY_NMI << 8) : foreign);
        wrmsr(X2APIC_ICR, i % 8 == 7 ? self | DELIVERY_NMI << 8 : self | VECTOR_IPI);
    }
    __asm__ volatile("cli");
    __atomic_fetch_add(&flooded, 1, __ATOMIC_SEQ_CST);
}

/* All cores at once, at a core of another VM and at themselves. */
void attack_icr_flood(void)
{
    flooded = 0;
    for (unsigned i = 1; i < cpu_count; i++)
        cpu_run(&cpus[i], flood);
    flood();
    while (flooded < cpu_count)
        relax();
    tallies[IPIS].attempts += 2ull * FLOOD * cpu_count;
    tallies[IPIS].refused += (uint64_t)FLOOD * cpu_count;
}
