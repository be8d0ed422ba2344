/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt commands to cores that aren't this VM's, in every mode that there is. */
#include "hostile.h"

#define LOGICAL         (1ull << 11)
#define SELF            (1ull << 18)
#define ALL             (2ull << 18)
#define OTHERS          (3ull << 18)
#define APIC_IDS        64u
#define CLUSTERS        8u
#define BROADCAST       0xffffffffu
#define TRAMPOLINE_PAGE 8u

static void command(void *argument)
{
    wrmsr(X2APIC_ICR, *(const uint64_t *)argument);
}

/* OWN: the command names no core but this VM's. VALID: of a kind that a VM may send. */
static void send(uint64_t value, bool own, bool valid)
{
    value |= ICR_ASSERT;
    bool refused = attempt(command, &value) == VECTOR_GP;
    tally(IPIS, refused || !own);
    if (refused == valid)
        bad(valid ? "a good IPI was refused" : "a bad IPI was taken", 0, value);
    if (refused)
        tally(MSRS, true); /* the monitor counts the #GP of this MSR, too */
}

static bool is_own(uint32_t apic_id)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id == apic_id)
            return true;
    return false;
}

static bool sendable(uint32_t delivery)
{
    return delivery <= 1 || (delivery >= DELIVERY_NMI && delivery <= DELIVERY_SIPI);
}

static uint64_t low(uint32_t delivery)
{
    if (delivery == DELIVERY_SIPI)
        return delivery << 8 | TRAMPOLINE_PAGE;
    return delivery << 8 | (delivery <= 1 ? VECTOR_IPI : 0);
}

/* The bits of CLUSTER's destination that are this VM's cores. */
static uint32_t own_bits(uint32_t cluster)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id >> 4 == cluster)
            bits |= 1u << (cpus[i].apic_id & 15);
    return bits;
}

static void physical(uint32_t delivery)
{
    for (uint32_t id = 0; id < APIC_IDS; id++)
        if (!is_own(id) || delivery <= 1 || delivery == DELIVERY_NMI || !sendable(delivery))
            send((uint64_t)id << 32 | low(delivery), is_own(id), sendable(delivery));
    static const uint32_t odd[] = {0xff,   0x100,   0xfff,      0x1000,
                                   0xffff, 0x10000, 0x7fffffff, 0xfffffffe};
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        send((uint64_t)odd[i] << 32 | low(delivery), false, sendable(delivery));
}

static void logical(uint32_t delivery)
{
    for (uint32_t cluster = 0; cluster < CLUSTERS; cluster++) {
        uint32_t own = own_bits(cluster);
        bool may_hit_own = delivery <= 1 || delivery == DELIVERY_NMI || !sendable(delivery);
        for (uint32_t bit = 0; bit < 16; bit++)
            if (may_hit_own || (own >> bit & 1) == 0)
                send((uint64_t)(cluster << 16 | 1u << bit) << 32 | LOGICAL | low(delivery),
                     (own >> bit & 1) != 0, sendable(delivery));
        uint32_t rest = may_hit_own ? 0xffff : 0xffff & ~own;
        send((uint64_t)(cluster << 16 | rest) << 32 | LOGICAL | low(delivery), false,
             sendable(delivery));
    }
}

static void shorthands(uint32_t delivery)
{
    bool valid = sendable(delivery);
    bool harmless = delivery <= 1 || delivery == DELIVERY_NMI || !valid;
    if (harmless) {
        send(SELF | low(delivery), true, valid);
        send(ALL | low(delivery), true, valid);
        send((uint64_t)BROADCAST << 32 | low(delivery), true, valid);
        send((uint64_t)BROADCAST << 32 | LOGICAL | low(delivery), true, valid);
    }
    send(OTHERS | low(delivery), true, valid);
    send((uint64_t)5 << 32 | OTHERS | low(delivery), true, valid);
}

/* Each reserved bit, and vectors below 16, which the APIC drops. */
static void malformed(void)
{
    static const unsigned reserved[] = {12, 13, 16, 17, 20, 21, 22, 23,
                                        24, 25, 26, 27, 28, 29, 30, 31};
    for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        send(ALL | VECTOR_IPI | 1ull << reserved[i], true, false);
        send((uint64_t)cpus[0].apic_id << 32 | DELIVERY_NMI << 8 | 1ull << reserved[i], true,
             false);
    }
    for (uint64_t vector = 0; vector < 16; vector++)
        send(ALL | vector, true, true);
}

void attack_ipis(void)
{
    struct cpu *self = this_cpu();
    uint64_t interrupts = self->interrupts, nmis = self->nmis;
    __asm__ volatile("sti");
    for (uint32_t delivery = 0; delivery < 8; delivery++) {
        physical(delivery);
        logical(delivery);
        shorthands(delivery);
    }
    malformed();
    wait_seconds(1);
    __asm__ volatile("cli");
    if (self->interrupts == interrupts || self->nmis == nmis)
        bad("own IPIs do not come", self->interrupts - interrupts, self->nmis - nmis);
    for (unsigned i = 1; i < cpu_count; i++)
        if (!cpu_revive(&cpus[i]))
            bad("a core does not start again", cpus[i].apic_id, 0);
    tallies[IPIS].attempts += 2 * (cpu_count - 1); /* INIT and start-up */
}
