/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways for a VM to end, a new one at each start; each must cost this VM alone and start it again.
 * The number of the start is kept in memory that no loader writes. Were it lost, the first way
 * would be taken for ever, and the test would miss the others.
 */
#include "hostile.h"

#define FLAG_PLACE 0x1800000ull
#define FLAG_MAGIC 0x68617a6172640000ull
#define FOREIGN    (memory_size + (8ull << 20))

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static void triple_fault(void)
{
    struct pointer none = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void crash_triple(void)
{
    triple_fault();
}

/* Every vector waits in the APIC when the monitor takes the core back. */
static void crash_pending(void)
{
    __asm__ volatile("cli");
    for (uint64_t vector = 16; vector < 256; vector++)
        wrmsr(X2APIC_SELF_IPI, vector);
    triple_fault();
}

/* .. and those that no APIC takes: emulators do, and deliver them like exceptions. */
static void crash_pending_low(void)
{
    __asm__ volatile("cli");
    for (uint64_t vector = 0; vector < 16; vector++)
        wrmsr(X2APIC_SELF_IPI, vector);
    triple_fault();
}

/* .. and the same in service, none of them ended. */
static void crash_in_service(void)
{
    for (uint64_t vector = 32; vector < 256; vector += 16)
        wrmsr(X2APIC_SELF_IPI, vector);
    triple_fault();
}

static void crash_idt_outside(void)
{
    struct pointer outside = {0xfff, FOREIGN};
    __asm__ volatile("lidt %0; ud2" : : "m"(outside));
}

static void crash_stack_outside(void)
{
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(FOREIGN + 0x800));
}

static void crash_tables_outside(void)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(FOREIGN) : "memory");
    triple_fault();
}

static void crash_port_reset(void)
{
    out8(0xcf9, 6);
}

static void crash_keyboard_reset(void)
{
    out8(0x64, 0xfe);
}

/* EFER that does not fit the paging mode it is in. */
static void write_efer(void *argument)
{
    wrmsr(0xc0000080, *(const uint64_t *)argument);
}

static void crash_efer(void)
{
    uint64_t value = rdmsr(0xc0000080) & ~0x100ull; /* LME off, LMA on */
    if (attempt(write_efer, &value) != VECTOR_GP)
        bad("EFER.LME changed under paging", 0, value);
    value = rdmsr(0xc0000080) | 1ull << 15; /* TCE, which the processor may not have */
    attempt(write_efer, &value);
    triple_fault();
}

/* All other cores busy in denied accesses and NMIs while the VM is stopped under them. */
static void other(void)
{
    for (;;) {
        uint64_t sink = *(volatile uint64_t *)FOREIGN;
        (void)sink;
        ipi(this_cpu()->apic_id, DELIVERY_NMI << 8);
    }
}

static void crash_busy_others(void)
{
    for (unsigned i = 1; i < cpu_count; i++)
        cpu_run(&cpus[i], other);
    wait_seconds(1);
    triple_fault();
}

/* All cores at once. */
static void crash_together(void)
{
    for (unsigned i = 1; i < cpu_count; i++)
        cpu_run(&cpus[i], triple_fault);
    triple_fault();
}

/* The other core faults while this one sends it INIT, NMI and start-up for ever. */
static void crash_under_ipis(void)
{
    if (cpu_count > 1)
        cpu_run(&cpus[1], triple_fault);
    for (unsigned i = 0; i < 20000; i++) {
        ipi(cpus[1].apic_id, DELIVERY_NMI << 8);
        ipi(cpus[1].apic_id, VECTOR_IPI);
        ipi(cpus[1].apic_id, 20);
    }
    triple_fault();
}

void attack_crash(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        {"triple", crash_triple},
        {"in-service", crash_in_service},
        {"idt-outside", crash_idt_outside},
        {"stack-outside", crash_stack_outside},
        {"tables-outside", crash_tables_outside},
        {"port", crash_port_reset},
        {"keyboard", crash_keyboard_reset},
        {"busy-others", crash_busy_others},
        {"together", crash_together},
        {"under-ipis", crash_under_ipis},
        {"efer", crash_efer},
        {"pending", crash_pending},
        {"pending-low", crash_pending_low},
    };
    volatile uint64_t *flag = (volatile uint64_t *)FLAG_PLACE;
    const unsigned count = sizeof(ways) / sizeof(ways[0]);
    char only[32];
    uint64_t start = (*flag & ~0xffffull) == FLAG_MAGIC ? *flag & 0xffff : 0;
    *flag = FLAG_MAGIC | (start + 1);
    if (start >= count) {
        print("HOSTILE crash: no more ways\n");
        return;
    }
    bool chosen = option("crash", only, sizeof(only));
    for (unsigned i = 0; i < count; i++) {
        if (chosen ? !same(only, ways[i].name) || start > 0 : i != start)
            continue;
        print("HOSTILE crash %s\n", ways[i].name);
        ways[i].run();
        bad("still alive after this way to end", start, 0);
        triple_fault();
    }
}
