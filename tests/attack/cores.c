/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's cores: found in the MADT, started by INIT and start-up IPI, given jobs. */
#include "guest.h"

#define TRAMPOLINE    0x8000ull
#define START_SECONDS 20ull
#define TSC_HZ_MAX    4000000000ull
#define INIT_TICKS    1000000ull /* until the other core has surely stopped */

extern const uint8_t trampoline[], trampoline_end[];
extern uint64_t ap_stack, ap_cpu;
void cpu_start(struct cpu *cpu);

struct cpu cpus[MAX_CPUS];
unsigned cpu_count = 1;
static uint8_t stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void cpu_add(uint32_t apic_id)
{
    if (apic_id == cpus[0].apic_id || cpu_count == MAX_CPUS)
        return;
    struct cpu *cpu = &cpus[cpu_count];
    cpu->self = cpu;
    cpu->index = cpu_count++;
    cpu->apic_id = apic_id;
}

static void madt_read(const uint8_t *madt)
{
    uint32_t length = get32(madt + 4);
    for (uint32_t at = 44; at + 2 <= length && madt[at + 1] != 0; at += madt[at + 1]) {
        if (madt[at] == 0 && (madt[at + 4] & 1) != 0)
            cpu_add(madt[at + 3]);
        if (madt[at] == 9 && (madt[at + 8] & 1) != 0)
            cpu_add(get32(madt + at + 4));
    }
}

static void trampoline_copy(void)
{
    for (const uint8_t *from = trampoline; from < trampoline_end; from++)
        *(volatile uint8_t *)(TRAMPOLINE + (uint64_t)(from - trampoline)) = *from;
}

void cpus_find(uint64_t rsdp)
{
    const uint8_t *xsdt = (const uint8_t *)get64((const uint8_t *)rsdp + 24);
    uint32_t length = get32(xsdt + 4);
    for (uint32_t at = 36; at + 8 <= length; at += 8) {
        const uint8_t *table = (const uint8_t *)get64(xsdt + at);
        if (get32(table) == 0x43495041) /* "APIC" */
            madt_read(table);
    }
    trampoline_copy();
}

/* Another core's life: wait for a job, do it, again. */
void cpu_start(struct cpu *cpu)
{
    wrmsr(0xc0000101, (uint64_t)cpu);
    idt_load();
    wrmsr(X2APIC_SVR, SVR_ON);
    cpu->recover = NULL;
    cpu->job = NULL;
    cpu->online = true;
    for (;;) {
        void (*job)(void) = cpu->job;
        if (job != NULL) {
            job();
            cpu->job = NULL;
        }
        __asm__ volatile("sti; pause; cli" : : : "memory");
    }
}

/* INIT and start-up at once, as modern kernels send them. */
bool cpu_revive(struct cpu *cpu)
{
    cpu->online = false;
    ap_stack = (uint64_t)stacks[cpu->index] + STACK_SIZE;
    ap_cpu = (uint64_t)cpu;
    ipi(cpu->apic_id, DELIVERY_INIT << 8);
    uint64_t end = rdtsc() + INIT_TICKS;
    while (rdtsc() < end)
        relax();
    trampoline_copy(); /* the stack of a core that faults for ever may have gone over it */
    ipi(cpu->apic_id, DELIVERY_SIPI << 8 | TRAMPOLINE >> 12);
    end = rdtsc() + START_SECONDS * TSC_HZ_MAX;
    while (!cpu->online && rdtsc() < end)
        relax();
    return cpu->online;
}

void cpu_run(struct cpu *cpu, void (*job)(void))
{
    cpu->job = job;
}
