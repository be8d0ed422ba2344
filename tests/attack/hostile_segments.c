/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile states: descriptors, stacks, tables and instruction pointers where none should be. */
#include "hostile_states.h"

#define UD2           0x0b0f /* its two bytes */
#define CODE_16       0x48u
#define SCRATCH_SLOT  11u   /* of the GDT: two entries for what is tried here */
#define SCRATCH       0x58u /* its selector */
#define LDT_TYPE      0x0000820000000000ull
#define TSS_TYPE      0x0000890000000000ull
#define CODE_32_BASE  0x00cf9b000000ffffull
#define CODE_16_BASE  0x00009b000000ffffull
#define FLAGS_TF      0x100ull
#define FLAGS_VM      0x20000ull
#define NOT_CANONICAL (1ull << 47)

extern uint64_t gdt[], pml4[];
extern const uint8_t state_compat[], state_compat_end[], state_cpuid[], state_cpuid_end[];

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static void slot(uint64_t descriptor, uint64_t base)
{
    gdt[SCRATCH_SLOT] = descriptor | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[SCRATCH_SLOT + 1] = base >> 32;
}

static void enter(void *argument)
{
    struct frame frame = *(const struct frame *)argument;
    enter_with(&frame);
}

/* Code at ADDRESS with these selectors; a fault comes back. */
static void run_there(uint64_t address, uint16_t code, uint16_t data, uint64_t flags)
{
    struct frame frame = {0};
    frame.rip = address;
    frame.cs = code;
    frame.ss = data;
    frame.rsp = 0x8000;
    frame.rflags = 2 | flags;
    this_cpu()->limit = 100; /* single steps before one ends it */
    attempt(enter, &frame);
}

static void null_stack_segment(void)
{
    __asm__ volatile("mov %w0, %%ss" : : "r"(0));
    state_exits();
    ipi(this_cpu()->apic_id, DELIVERY_NMI << 8);
    state_exits();
}

static void load_ldt(void *argument)
{
    (void)argument;
    __asm__ volatile("lldt %w0; mov %w1, %%ds" : : "r"(SCRATCH), "r"(0x14));
}

static void ldt_outside(void)
{
    slot(LDT_TYPE | 0xffff, FOREIGN);
    attempt(load_ldt, NULL);
}

static void load_gdt(void *argument)
{
    struct pointer outside = {0xffff, *(const uint64_t *)argument};
    __asm__ volatile("lgdt %0; mov %w1, %%ds" : : "m"(outside), "r"(0x10));
}

static void load_gdt_alone(void *argument)
{
    __asm__ volatile("lgdt %0" : : "m"(*(const struct pointer *)argument));
}

/* After it no fault can be survived: CS is looked up there. An exit can. */
static void gdt_outside(void)
{
    struct pointer outside = {0xffff, FOREIGN};
    uint32_t a = 0, b, c = 0, d;
    if (attempt(load_gdt_alone, &outside) >= 0)
        return;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    out8(0x80, 0);
}

static void gdt_outside_loaded(void)
{
    uint64_t place = FOREIGN;
    attempt(load_gdt, &place);
}

static void gdt_not_canonical(void)
{
    uint64_t place = NOT_CANONICAL;
    attempt(load_gdt, &place);
}

/* Ring 3 with a task state in another VM: its next fault has no stack to go to. */
static void task_outside(void)
{
    slot(TSS_TYPE | 103, FOREIGN);
    __asm__ volatile("ltr %w0" : : "r"(SCRATCH));
    state_copy(state_compat, state_compat_end);
    run_there(STATE_PAGE, CODE_32_USER, DATA_USER, 0);
}

static void load_idt_alone(void *argument)
{
    __asm__ volatile("lidt %0" : : "m"(*(const struct pointer *)argument));
}

static void no_idt(void)
{
    struct pointer nowhere = {0xfff, NOT_CANONICAL};
    if (attempt(load_idt_alone, &nowhere) < 0) /* a processor refuses it */
        __asm__ volatile("ud2");
}

static void stack_not_canonical(void)
{
    __asm__ volatile("mov %0, %%rsp; cpuid; outb %%al, $0x80; wbinvd; 1: pause; jmp 1b"
                     :
                     : "r"(NOT_CANONICAL)
                     : "rax", "rbx", "rcx", "rdx", "memory");
}

static void stack_outside(void)
{
    __asm__ volatile("mov %0, %%rsp; push %%rax; pop %%rax; cpuid; outb %%al, $0x80\n"
                     "1: pause; jmp 1b"
                     :
                     : "r"(FOREIGN + 0x800)
                     : "rax", "rbx", "rcx", "rdx", "memory");
}

static void code_16(void)
{
    state_copy(state_compat, state_compat_end);
    run_there(STATE_PAGE, CODE_16, DATA_0, 0);
}

static void code_32_kernel(void)
{
    state_copy(state_compat, state_compat_end);
    run_there(STATE_PAGE, CODE_32, DATA_0, 0);
}

static void code_32_user_stepped(void)
{
    tss_load();
    state_copy(state_compat, state_compat_end);
    run_there(STATE_PAGE, CODE_32_USER, DATA_USER, FLAGS_TF);
}

static void virtual_8086_in_long_mode(void)
{
    run_there(STATE_PAGE, CODE_64, DATA_0, FLAGS_VM);
}

/* CPUID in the last two bytes before the instruction pointer has nowhere to go. */
static void at_the_end_of_32_bit(void)
{
    state_copy(state_cpuid, state_cpuid_end);
    slot(CODE_32_BASE, STATE_PAGE + 2);
    run_there(0xfffffffe, SCRATCH, DATA_0, 0);
}

static void at_the_end_of_16_bit(void)
{
    state_copy(state_cpuid, state_cpuid_end);
    slot(CODE_16_BASE, (uint32_t)(STATE_PAGE - 0xfffe));
    run_there(0xfffe, SCRATCH, DATA_0, 0);
}

static void at_the_end_of_addresses(unsigned top)
{
    static uint64_t tables[3][512] __attribute__((aligned(4096)));
    static uint8_t page[4096] __attribute__((aligned(4096)));
    pml4[top] = (uint64_t)tables[0] | 7;
    tables[0][511] = (uint64_t)tables[1] | 7;
    tables[1][511] = (uint64_t)tables[2] | 7;
    tables[2][511] = (uint64_t)page | 7;
    page[4094] = state_cpuid[0];
    page[4095] = state_cpuid[1];
    __asm__ volatile("movw %0, 0" : : "i"(UD2) : "memory"); /* where an address may wrap to */
    run_there(top == 511 ? 0 - 2ull : NOT_CANONICAL - 2, CODE_64, DATA_0, 0);
    __asm__ volatile("movw $0, 0" : : : "memory");
}

static void at_the_canonical_end(void)
{
    at_the_end_of_addresses(255);
}

static void at_the_very_end(void)
{
    at_the_end_of_addresses(511);
}

static void read_there(void *argument)
{
    uint64_t value = *(volatile uint64_t *)*(const uint64_t *)argument;
    (void)value;
}

/* A table of the guest's own paging in another VM's memory, below tables of its own. */
static void table_outside(void)
{
    uint64_t at = 2ull << 39;
    pml4[2] = FOREIGN | 7;
    attempt(read_there, &at);
    pml4[2] = 0;
}

static void two_pages(void *argument)
{
    uint64_t *at = argument, count = 64;
    __asm__ volatile("rep movsb" : "+S"(at[0]), "+D"(at[1]), "+c"(count) : : "memory");
}

/* One instruction with two foreign pages, and one across a page's end. */
static void two_pages_outside(void)
{
    uint64_t pair[2] = {FOREIGN, FOREIGN + (8ull << 20)};
    uint64_t across = FOREIGN + 4096 - 3;
    attempt(two_pages, pair);
    attempt(read_there, &across);
}

static void system_calls(void *argument)
{
    if (*(const uint64_t *)argument == 0)
        __asm__ volatile("syscall" : : : "rcx", "r11", "memory");
    else
        __asm__ volatile("sysretq" : : "c"(NOT_CANONICAL), "a"(0) : "r11", "memory");
}

static void system_calls_nowhere(void)
{
    uint64_t back = 1, call = 0;
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1); /* EFER.SCE */
    wrmsr(0xc0000081, 0x0010001800000000ull);
    wrmsr(0xc0000082, FOREIGN);
    attempt(system_calls, &back);
    attempt(system_calls, &call);
}

/* An exit right behind what holds interrupts back. */
static void shadows(void)
{
    uint32_t a = 0, b, c = 0, d;
    wrmsr(X2APIC_SELF_IPI, VECTOR_IPI);
    ipi(this_cpu()->apic_id, DELIVERY_NMI << 8);
    __asm__ volatile("sti; cpuid; cli" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    __asm__ volatile("mov %w4, %%ss; cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : "r"(DATA_0));
}

static void (*const states[])(void) = {
    null_stack_segment,
    ldt_outside,
    gdt_outside,
    gdt_outside_loaded,
    gdt_not_canonical,
    task_outside,
    no_idt,
    stack_not_canonical,
    stack_outside,
    code_16,
    code_32_kernel,
    code_32_user_stepped,
    virtual_8086_in_long_mode,
    at_the_end_of_32_bit,
    at_the_end_of_16_bit,
    at_the_canonical_end,
    at_the_very_end,
    table_outside,
    two_pages_outside,
    system_calls_nowhere,
    shadows,
};
const unsigned state_segment_count = sizeof(states) / sizeof(states[0]);

void state_segments(unsigned number)
{
    states[number]();
}
