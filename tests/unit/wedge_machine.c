/* SPDX-License-Identifier: Apache-2.0 */
/* The guest of the wedge's unit tests: how it is made, and how its code is run. */
#include <sched.h>
#include <sys/mman.h>

#include "wedge_machine.h"

#define PACK_ROOM 0x40000u

struct machine machine;
struct machine_seen seen;

void machine_faults_install(void); /* wedge_faults.c */

/* The code's registers on its way in and out; machine_leave is where every run ends. */
struct machine_cpu *machine_now;
uint64_t machine_stack;
const uint8_t *machine_entry;
void machine_switch(void);
void machine_leave(void);

__asm__(".text\n"
        "machine_switch:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, machine_stack(%rip)\n"
        "mov machine_now(%rip), %r15\n"
        "mov 32(%r15), %rsp\n"
        "push 128(%r15)\n"
        "popfq\n"
        "mov (%r15), %rax; mov 8(%r15), %rcx; mov 16(%r15), %rdx; mov 24(%r15), %rbx\n"
        "mov 40(%r15), %rbp; mov 48(%r15), %rsi; mov 56(%r15), %rdi; mov 64(%r15), %r8\n"
        "mov 72(%r15), %r9; mov 80(%r15), %r10; mov 88(%r15), %r11; mov 96(%r15), %r12\n"
        "mov 104(%r15), %r13; mov 112(%r15), %r14; mov 120(%r15), %r15\n"
        "jmp *machine_entry(%rip)\n"
        "machine_leave:\n"
        "xchg %r15, machine_now(%rip)\n"
        "mov %rax, (%r15); mov %rcx, 8(%r15); mov %rdx, 16(%r15); mov %rbx, 24(%r15)\n"
        "mov %rsp, 32(%r15); mov %rbp, 40(%r15); mov %rsi, 48(%r15); mov %rdi, 56(%r15)\n"
        "mov %r8, 64(%r15); mov %r9, 72(%r15); mov %r10, 80(%r15); mov %r11, 88(%r15)\n"
        "mov %r12, 96(%r15); mov %r13, 104(%r15); mov %r14, 112(%r15)\n"
        "mov machine_now(%rip), %rax\n"
        "mov %rax, 120(%r15)\n"
        "mov machine_stack(%rip), %rsp\n"
        "pushfq\n"
        "pop 128(%r15)\n"
        "cld\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");

static uint64_t code_stack[256];

uint64_t machine_random(void)
{
    return unit_random(&machine.random);
}

static void *map_low(size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    return base;
}

/* One core: its CPUID, and its GDT, are those of the first run. */
static void stay_here(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

void machine_new(uint64_t seed)
{
    static uint8_t *memory, *pack;
    if (memory == NULL) {
        memory = map_low(MACHINE_SIZE);
        pack = map_low(PACK_ROOM);
        stay_here();
    }
    machine_faults_install(); /* cmocka has its own in front of each test */
    memset(memory, 0, MACHINE_SIZE);
    memset(pack, 0, PACK_ROOM);
    memset(memory + MACHINE_TEXT, 0xcc, 0x10000);
    memset(&seen, 0, sizeof(seen));
    machine = (struct machine){.base = memory, .random = seed, .pack = (void *)pack};
    machine.data = (void *)(memory + MACHINE_DATA);
    machine.sites = (void *)(pack + sizeof(*machine.pack));
    machine.symbols = (void *)(machine.sites + MACHINE_SITES);
    *machine.pack = (struct afterburn_pack){.text_area = (uintptr_t)memory + MACHINE_TEXT,
                                            .text_area_size = 0x10000,
                                            .data_area = (uintptr_t)memory + MACHINE_DATA,
                                            .data_area_size = 0xc000,
                                            .ex_table = (uintptr_t)memory + MACHINE_TABLE};
}

uint8_t *machine_code(const void *code, unsigned length)
{
    uint8_t *at = machine.base + machine.end;
    memcpy(at, code, length);
    machine.end += length;
    assert_true(machine.end < MACHINE_TEXT);
    return at;
}

uint8_t *machine_site(unsigned kind, const void *insn, unsigned length, unsigned size,
                      unsigned before)
{
    uint8_t bytes[64];
    memset(bytes, 0x90, sizeof(bytes));
    memcpy(bytes + before, insn, length);
    uint8_t *at = machine_code(bytes, size);
    assert_true(machine.site_count < MACHINE_SITES);
    machine.sites[machine.site_count++] = (struct afterburn_site){.physical = (uintptr_t)at,
                                                                  .size = (uint8_t)size,
                                                                  .before = (uint8_t)before,
                                                                  .length = (uint8_t)length,
                                                                  .kind = (uint8_t)kind};
    return at;
}

void machine_end(void)
{
    uint8_t code[14] = {0xff, 0x25}; /* jmp *(%rip) */
    void (*leave)(void) = machine_leave;
    memcpy(code + 6, &leave, 8);
    machine_code(code, sizeof(code));
}

void machine_symbol(struct afterburn_symbol symbol)
{
    machine.symbols[machine.symbol_count++] = symbol;
}

void machine_patch(uint32_t ground, uint64_t kinds, uint32_t classes)
{
    struct afterburn_pack *pack = machine.pack;
    pack->sites =
        (struct afterburn_range){sizeof(*pack), machine.site_count * sizeof(struct afterburn_site)};
    pack->symbols =
        (struct afterburn_range){(uint64_t)((uint8_t *)machine.symbols - (uint8_t *)pack),
                                 machine.symbol_count * sizeof(struct afterburn_symbol)};
    machine.load = (struct wedge_load){
        .pack = pack, .data = machine.data, .text = machine.base + MACHINE_TEXT, .kinds = kinds};
    machine.data->ground = ground;
    machine.data->classes = classes;
    machine.data->hypercall = (uintptr_t)&seen;
    machine.counts = (struct wedge_counts){0};
    const char *error = wedge_patch(&machine.load, &machine.counts);
    if (error != NULL)
        fail_msg("%s", error);
}

void machine_run(const uint8_t *code, struct machine_cpu *cpu)
{
    uint64_t *top = code_stack + 128;
    memcpy(top, cpu->stack, sizeof(cpu->stack));
    cpu->r[RSP] = (uintptr_t)top;
    machine_now = cpu;
    machine_entry = code;
    machine_switch();
    memcpy(cpu->stack, (const void *)(uintptr_t)cpu->r[RSP], sizeof(cpu->stack));
    cpu->r[RSP] -= (uintptr_t)top;
}

void machine_cpu_random(struct machine_cpu *cpu)
{
    for (unsigned i = 0; i < REGISTERS; i++)
        cpu->r[i] = machine_random();
    cpu->flags = (machine_random() & MACHINE_FLAGS) | 0x202;
    for (unsigned i = 0; i < 16; i++)
        cpu->stack[i] = machine_random() & (MACHINE_FLAGS | ~0xffffffull);
}

void machine_cpu_same(const struct machine_cpu *a, const struct machine_cpu *b)
{
    for (unsigned i = 0; i < REGISTERS; i++)
        if (a->r[i] != b->r[i])
            fail_msg("register %u: %lx, and %lx", i, a->r[i], b->r[i]);
    if (a->flags != b->flags)
        fail_msg("flags: %lx, and %lx", a->flags, b->flags);
    for (unsigned i = 0; i < 16; i++)
        if (a->stack[i] != b->stack[i])
            fail_msg("stack, word %u: %lx, and %lx", i, a->stack[i], b->stack[i]);
}

uint8_t *machine_target(const uint8_t *from)
{
    int32_t distance;
    if (from[0] != 0xe9)
        return NULL;
    memcpy(&distance, from + 1, sizeof(distance));
    return (uint8_t *)(uintptr_t)from + 5 + distance;
}
