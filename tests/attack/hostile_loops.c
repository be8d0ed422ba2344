/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cores that would not be interrupted: exceptions in a loop, interrupts off for ever, single
 * steps. The first core watches, then fetches the other back by INIT: that is a kick that landed.
 */
#include "hostile.h"

#define SHOW_SECONDS 60u /* at most: the test kicks all cores meanwhile, then types a byte */
#define RFLAGS_TF    0x100ull
#define RFLAGS_AC    0x40000ull
#define CR0_AM       0x40000ull
#define FOREIGN      (memory_size + (8ull << 20))

static void loop_masked(void)
{
    __asm__ volatile("cli");
    for (;;)
        relax();
}

static void loop_masked_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* An instruction breakpoint on an instruction that its handler returns to. */
static void loop_debug(void)
{
    this_cpu()->limit = UINT64_MAX;
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n1: nop; jmp 1b" : : : "memory");
}

/* A data breakpoint on the very stack on which its exception frame is written. */
static void loop_debug_stack(void)
{
    uint64_t rsp;
    this_cpu()->limit = UINT64_MAX;
    __asm__ volatile("mov %%rsp, %0" : "=r"(rsp));
    for (unsigned slot = 0; slot < 4; slot++) {
        uint64_t at = (rsp & ~7ull) - 8 * (slot + 1);
        if (slot == 0)
            __asm__ volatile("mov %0, %%dr0" : : "r"(at));
        else if (slot == 1)
            __asm__ volatile("mov %0, %%dr1" : : "r"(at));
        else if (slot == 2)
            __asm__ volatile("mov %0, %%dr2" : : "r"(at));
        else
            __asm__ volatile("mov %0, %%dr3" : : "r"(at));
    }
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x999904ffull)); /* four writes of 8 bytes */
    for (;;)
        __asm__ volatile("pushq %%rax; popq %%rax" : : : "memory");
}

static void loop_alignment(void)
{
    static uint8_t stack[64] __attribute__((aligned(16)));
    uint64_t cr0;
    this_cpu()->limit = UINT64_MAX;
    tss_load();
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_AM));
    ring3((uint64_t)unaligned_loop, (uint64_t)stack + sizeof(stack), 2 | RFLAGS_AC);
}

/* NMIs blocked: an NMI handler that never ends. */
static void never(struct cpu *cpu)
{
    if (cpu->index != 0)
        for (;;)
            relax();
}

static void loop_in_nmi(void)
{
    on_nmi = never;
    ipi(this_cpu()->apic_id, DELIVERY_NMI << 8);
    for (;;)
        relax();
}

/* A flood of denied accesses: each makes the monitor step this core. */
static void touch(void *argument)
{
    (void)argument;
    (void)*(volatile uint64_t *)FOREIGN;
}

static void loop_denied(void)
{
    for (;;)
        attempt(touch, NULL);
}

static bool run_loop(const char *name, void (*run)(void))
{
    struct cpu *cpu = &cpus[1];
    print("HOSTILE loop %s\n", name);
    cpu->debugs = cpu->alignments = 0;
    cpu_run(cpu, run);
    wait_byte(SHOW_SECONDS);
    uint64_t debugs = cpu->debugs, alignments = cpu->alignments;
    if (!cpu_revive(cpu)) {
        bad("no kick reaches a core in this loop", cpu->apic_id, debugs);
        return false;
    }
    on_nmi = NULL;
    print("HOSTILE loop %s ended: %lu #DB, %lu #AC\n", name, debugs, alignments);
    return true;
}

void attack_loops(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } loops[] = {
        {"masked", loop_masked},       {"masked-halt", loop_masked_halt}, {"debug", loop_debug},
        {"alignment", loop_alignment}, {"in-nmi", loop_in_nmi},           {"denied", loop_denied},
    };
    if (cpu_count < 2)
        return;
    for (unsigned i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
        if (!run_loop(loops[i].name, loops[i].run))
            return;
}

/* Apart: QEMU 10.0 aborts ("bql_lock_impl: assertion failed") on such a breakpoint under SVM. */
void attack_debug_stack(void)
{
    if (cpu_count > 1)
        run_loop("debug-stack", loop_debug_stack);
}

/* Single steps of its own through a denied access: the monitor steps the same instruction. */
static void step_denied(void *argument)
{
    uint64_t value;
    uint64_t address = *(const uint64_t *)argument;
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n\t"
                     "movq (%1), %0\n\t"
                     "nop\n\t"
                     "pushfq; andq $~0x100, (%%rsp); popfq"
                     : "=&r"(value)
                     : "r"(address)
                     : "memory");
    *(uint64_t *)argument = value;
}

void attack_step(void)
{
    struct cpu *cpu = this_cpu();
    cpu->limit = UINT64_MAX;
    for (unsigned round = 0; round < 100; round++) {
        uint64_t value = FOREIGN;
        cpu->debugs = 0;
        int vector = attempt(step_denied, &value);
        tally(MEMORY, true);
        if (vector >= 0 || value != UINT64_MAX)
            bad("single step through foreign memory", (uint64_t)(int64_t)vector, value);
        if (cpu->debugs != 5) /* mov, nop, pushf, and, popf: as on a bare machine */
            bad("single steps seen", 5, cpu->debugs);
    }
    cpu->limit = 0;
}
