/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions of SVM, or with `virt=vtx` of VT-x, with random registers, in both rings, in
 * 64-bit and in 32-bit code. Each must end in a fault of this guest, with its registers as they
 * were.
 */
#include "hostile.h"

#define HYPERCALLS 10000u
#define OTHERS     500u /* of each, in each mode */
#define STACK      4096u

#define INSTRUCTIONS 8u

static const struct instruction {
    const char *name;
    uint8_t code[3];
} svm[INSTRUCTIONS] = {
    {"vmmcall", {0x0f, 0x01, 0xd9}}, {"vmrun", {0x0f, 0x01, 0xd8}},
    {"vmload", {0x0f, 0x01, 0xda}},  {"vmsave", {0x0f, 0x01, 0xdb}},
    {"stgi", {0x0f, 0x01, 0xdc}},    {"clgi", {0x0f, 0x01, 0xdd}},
    {"skinit", {0x0f, 0x01, 0xde}},  {"invlpga", {0x0f, 0x01, 0xdf}},
};

static const struct instruction vtx[INSTRUCTIONS] = {
    {"vmcall", {0x0f, 0x01, 0xc1}},   {"vmlaunch", {0x0f, 0x01, 0xc2}},
    {"vmresume", {0x0f, 0x01, 0xc3}}, {"vmxoff", {0x0f, 0x01, 0xc4}},
    {"vmread", {0x0f, 0x78, 0xc0}},   {"vmwrite", {0x0f, 0x79, 0xc0}},
    {"vmptrld", {0x0f, 0xc7, 0x30}},  {"vmptrst", {0x0f, 0xc7, 0x38}},
};

static const struct instruction *instructions = svm;

static const struct {
    uint16_t code, data;
    bool wide, kernel;
} modes[] = {
    {CODE_64, DATA_0, true, true},
    {CODE_64_USER, DATA_USER, true, false},
    {CODE_32, DATA_0, false, true},
    {CODE_32_USER, DATA_USER, false, false},
};

static uint8_t stack[STACK] __attribute__((aligned(16)));

/* Any number; often one that means something as an address. */
static uint64_t random_register(void)
{
    uint64_t r = random();
    switch (r & 3) {
    case 0:
        return random();
    case 1:
        return random() & 0xfffffff000ull;
    case 2:
        return random() & (memory_size - 1) & ~0xfffull;
    default:
        return random() & 0xff;
    }
}

static void fill(struct frame *frame, unsigned mode, const uint8_t *code)
{
    uint64_t *registers = &frame->r15; /* 15 in a row, rax the last */
    for (unsigned i = 0; i < 15; i++)
        registers[i] = modes[mode].wide ? random_register() : (uint32_t)random_register();
    if (!modes[mode].wide) /* 32-bit code does not see these, but they are there */
        for (unsigned i = 0; i < 8; i++)
            registers[i] = random();
    if (!modes[mode].kernel)
        frame->rax = frame->rax << 32 | (random() & 7); /* often what is a hypercall in ring 0 */
    else if ((uint32_t)frame->rax == 0)
        frame->rax = 1; /* the one that opens the others: see hostile_hypercalls.c */
    frame->rip = (uint64_t)code;
    frame->cs = modes[mode].code;
    frame->ss = modes[mode].data;
    frame->rflags = 2 | (random() & 0x8d5); /* the arithmetic flags */
    /* Ring 0 takes its exceptions on the stack that it has. */
    frame->rsp = modes[mode].kernel ? (uint64_t)stack + STACK : random_register();
    if (!modes[mode].wide)
        frame->rsp = (uint32_t)frame->rsp;
}

static void enter(void *argument)
{
    struct frame frame = *(const struct frame *)argument;
    enter_with(&frame);
}

static void check(const struct frame *before, unsigned instruction)
{
    const struct frame *after = &this_cpu()->survived;
    const uint64_t *was = &before->r15, *is = &after->r15;
    for (unsigned i = 0; i < 15; i++)
        if (was[i] != is[i])
            bad(instructions[instruction].name, i, is[i]);
    if (after->rip != before->rip || after->rsp != before->rsp ||
        ((after->rflags ^ before->rflags) & 0xcff) != 0)
        bad("where an instruction has faulted", after->rip, after->rflags);
}

/* To 32-bit code VT-x gives #UD itself, but for VMCALL. */
static bool leaves(unsigned instruction, unsigned mode)
{
    return instructions == svm || instruction == 0 || modes[mode].wide;
}

/* What leaves the guest comes back as #UD; #GP is the processor's, before anybody is asked. */
static void try(unsigned instruction, unsigned mode)
{
    struct frame frame = {0};
    fill(&frame, mode, instructions[instruction].code);
    int vector = attempt(enter, &frame);
    if (vector == VECTOR_UD && leaves(instruction, mode))
        tally(INSNS, true);
    else if (vector != VECTOR_UD && (vector != VECTOR_GP || instruction == 0))
        bad(instructions[instruction].name, mode, (uint64_t)(int64_t)vector);
    check(&frame, instruction);
}

void hypercalls_from_ring_3(unsigned times)
{
    instructions = is_vtx() ? vtx : svm;
    tss_load();
    for (unsigned i = 0; i < times; i++)
        try(0, i % 2 == 0 ? 1 : 3);
}

void attack_registers(void)
{
    const unsigned mode_count = sizeof(modes) / sizeof(modes[0]);
    uint64_t before = tallies[INSNS].attempts;
    instructions = is_vtx() ? vtx : svm;
    tss_load();
    for (unsigned i = 0; i < HYPERCALLS; i++)
        try(0, i % mode_count);
    for (unsigned i = 1; i < INSTRUCTIONS; i++)
        for (unsigned round = 0; round < OTHERS * mode_count; round++)
            try(i, round % mode_count);
    print("HOSTILE registers: %u hypercalls and %u others, %lu left the guest\n", HYPERCALLS,
          OTHERS * mode_count * (INSTRUCTIONS - 1), tallies[INSNS].attempts - before);
}
