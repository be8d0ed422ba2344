/* SPDX-License-Identifier: Apache-2.0 */
/* The local APIC: its base and modes, and what its local interrupts would deliver. */
#include "hostile.h"

#define APIC_BASE    0x1bu
#define BASE_BSP     (1ull << 8)
#define BASE_X2      (1ull << 10)
#define BASE_ENABLE  (1ull << 11)
#define LVT_FIRST    0x832u
#define LVT_LAST     0x837u
#define LVT_DELIVERY (7ull << 8)
#define LVT_MASKED   (1ull << 16)
#define LVT_PERIODIC (1ull << 17)
#define APIC_PAGE    0xfee00000ull
#define PAGE_ICR     (APIC_PAGE + 0x300)
#define TIMER_TURNS  50000u /* 50 us in QEMU; any less and an emulator does nothing else */
#define PAGE_ICR2    (APIC_PAGE + 0x310)

struct msr {
    uint32_t number;
    uint64_t value;
};

static void msr_write(void *argument)
{
    const struct msr *msr = argument;
    wrmsr(msr->number, msr->value);
}

static bool refused(uint32_t number, uint64_t value)
{
    struct msr msr = {number, value};
    bool gp = attempt(msr_write, &msr) == VECTOR_GP;
    tally(MSRS, gp);
    return gp;
}

/* An interrupt sent to itself through the one register that never leaves the guest. */
static void still_works(const char *after)
{
    struct cpu *self = this_cpu();
    __asm__ volatile("sti; nop; nop; cli"); /* what waits from before */
    uint64_t before = self->interrupts;
    wrmsr(X2APIC_SELF_IPI, VECTOR_IPI);
    __asm__ volatile("sti; nop; nop; cli");
    if (self->interrupts != before + 1)
        bad(after, self->interrupts - before, rdmsr(X2APIC_SVR));
}

/* Off, xAPIC, the illegal mode, x2APIC; here, elsewhere, in another VM, with bits that aren't. */
static void base_transitions(void)
{
    static const uint64_t places[] = {0xfee00000, 0xfec00000, 0x1000000,     0,
                                      0x10000000, 1ull << 38, 0xfffff000ull, 0xfee00001,
                                      0xfee00200, 1ull << 40, 1ull << 63,    0xfee00040};
    uint64_t now = rdmsr(APIC_BASE);
    tally(MSRS, false);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (uint64_t mode = 0; mode < 8; mode++) {
            uint64_t value = places[i] | (mode & 1) * BASE_BSP | (mode >> 1 & 1) * BASE_X2 |
                             (mode >> 2 & 1) * BASE_ENABLE;
            if (refused(APIC_BASE, value) == (value == now))
                bad("the APIC's base took a write", i, value);
            if (rdmsr(APIC_BASE) != now)
                bad("the APIC's base has changed", i, rdmsr(APIC_BASE));
            tally(MSRS, false);
        }
    }
    still_works("no interrupts after writes of the APIC's base");
}

/* What xAPIC mode would answer to: an NMI and an INIT to every core of the machine. */
static void page_commands(void)
{
    for (uint32_t id = 0; id < 8; id++) {
        for (uint32_t delivery = DELIVERY_SMI; delivery <= DELIVERY_SIPI; delivery++) {
            *(volatile uint32_t *)PAGE_ICR2 = id << 24;
            *(volatile uint32_t *)PAGE_ICR = (uint32_t)ICR_ASSERT | delivery << 8;
            if (*(volatile uint32_t *)PAGE_ICR != UINT32_MAX)
                bad("the APIC's page answers", id, delivery);
            for (unsigned i = 0; i < 3; i++)
                tally(MEMORY, true);
        }
    }
}

/* Fixed and NMI are a VM's own matter, except that a timer delivers nothing but fixed; ExtINT is
 * what stock kernels leave in a masked entry. Nothing else. */
static bool entry_allowed(uint32_t entry, uint32_t delivery, bool masked)
{
    return delivery == DELIVERY_FIXED || (delivery == DELIVERY_NMI && entry != X2APIC_LVT_TIMER) ||
           (delivery == 7 && (masked || is_service()));
}

/* A timer may also take the write and keep no delivery mode: there is none to be refused. */
static bool kept_delivery(uint32_t entry)
{
    return entry != X2APIC_LVT_TIMER || (rdmsr(entry) & LVT_DELIVERY) != 0;
}

/* Vectors of exceptions only masked: emulators deliver them, and this guest would take the blame.
 */
static void every_mask(uint32_t entry, uint32_t delivery, uint64_t vector)
{
    for (unsigned masked = vector < 16; masked < 2; masked++) {
        uint64_t value = masked * LVT_MASKED | delivery << 8 | vector;
        bool took = !refused(entry, value), allowed = entry_allowed(entry, delivery, masked != 0);
        if (took != allowed && (allowed || kept_delivery(entry)))
            bad("a local entry", entry, value);
    }
}

static void local_entries(void)
{
    wrmsr(X2APIC_TIMER_INIT, 0);
    for (uint32_t entry = LVT_FIRST; entry <= LVT_LAST; entry++) {
        for (uint32_t delivery = 0; delivery < 8; delivery++)
            for (uint64_t vector = 0; vector < 256; vector += 15)
                every_mask(entry, delivery, vector);
        if (refused(entry, LVT_MASKED))
            bad("a local entry cannot be masked", entry, LVT_MASKED);
    }
    if (!refused(0x82f, DELIVERY_SMI << 8))
        bad("machine checks' entry took an SMI", 0x82f, 0);
    still_works("no interrupts after writes of local entries");
}

/* A timer that leaves time for little else, and the APIC switched off by software and on again. */
static void timer_storm(void)
{
    uint64_t before = this_cpu()->interrupts;
    refused(X2APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_IPI);
    wrmsr(X2APIC_TIMER_DIVIDE, 0xb);
    wrmsr(X2APIC_TIMER_INIT, TIMER_TURNS);
    __asm__ volatile("sti");
    wait_seconds(1);
    __asm__ volatile("cli");
    wrmsr(X2APIC_TIMER_INIT, 0);
    refused(X2APIC_LVT_TIMER, LVT_MASKED);
    if (this_cpu()->interrupts == before)
        bad("the timer gives nothing", 0, 0);
    wrmsr(X2APIC_SVR, VECTOR_SPURIOUS);
    wrmsr(X2APIC_SVR, SVR_ON);
    still_works("no interrupts after the APIC was off");
}

void attack_apic(void)
{
    base_transitions();
    page_commands();
    local_entries();
    timer_storm();
}
