/* SPDX-License-Identifier: Apache-2.0 */
/* INIT at bad moments, the local timer's odd delivery modes, and a flood of the console. */
#include "hostile.h"

#define ROUNDS      200u
#define FLOOD_LINES 2000u
#define LVT_SMI     (DELIVERY_SMI << 8)
#define LVT_NMI     (DELIVERY_NMI << 8)
#define LVT_MASKED  (1u << 16)

static void busy(void)
{
    for (;;)
        relax();
}

static void in_denied(void)
{
    for (;;) {
        uint64_t sink = *(volatile uint64_t *)(memory_size + (4ull << 20));
        (void)sink;
    }
}

static void in_nmis(void)
{
    for (;;)
        ipi(this_cpu()->apic_id, DELIVERY_NMI << 8);
}

/* A running core is taken back by INIT and start-up without a pause between them. */
void attack_init(void)
{
    void (*const jobs[])(void) = {busy, in_denied, in_nmis};
    for (unsigned round = 0; round < ROUNDS && cpu_count > 1; round++) {
        cpu_run(&cpus[1], jobs[round % 3]);
        uint64_t end = rdtsc() + 1000000 + round * 10007 % 3000000;
        while (rdtsc() < end)
            relax();
        if (!cpu_revive(&cpus[1])) {
            bad("a core does not come back from INIT", round, 0);
            return;
        }
    }
}

static void timer_write(void *argument)
{
    wrmsr(X2APIC_LVT_TIMER, *(const uint32_t *)argument);
    wrmsr(X2APIC_TIMER_INIT, 1000);
}

static void timer_smi(void)
{
    uint32_t value = LVT_SMI;
    attempt(timer_write, &value);
    for (;;)
        relax();
}

static void timer_nmi(void)
{
    uint32_t value = LVT_NMI;
    attempt(timer_write, &value);
    for (;;)
        relax();
}

void attack_timer(void)
{
    void (*const jobs[])(void) = {timer_nmi, timer_smi};
    for (unsigned i = 0; i < 2 && cpu_count > 1; i++) {
        uint64_t nmis = cpus[1].nmis;
        cpu_run(&cpus[1], jobs[i]);
        wait_seconds(1);
        if (!cpu_revive(&cpus[1])) {
            bad("the timer took a core away", i, cpus[1].nmis - nmis);
            return;
        }
    }
}

/* Much, and between it what would look like the monitor's own words at a line's beginning. */
void attack_flood(void)
{
    for (unsigned i = 0; i < FLOOD_LINES; i++) {
        print("HOSTILE flood %u ...............................................\n", i);
        if (i % 100 == 0)
            print("\r\033[1A[   9.000000] cpu0 error: panic: forged\b\n");
    }
}
