/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest for the wedge's patch side, in a test's own memory below 2 GiB: code, a text and a data
 * area, an exception table, a pack that describes them. Its code runs natively; what this program
 * may not execute is done by a handler of SIGSEGV, which plays a processor with a UART at COM1.
 */
#pragma once

#include "unit.h"

#include "wedge.h"

#define MACHINE_TEXT  0x10000u
#define MACHINE_DATA  0x40000u
#define MACHINE_TABLE 0x60000u
#define MACHINE_FREE  0x70000u /* for the test */
#define MACHINE_SIZE  0x100000u
#define MACHINE_SITES 4096u

#define MACHINE_COM1  0x3f8u
/* CF PF AF ZF SF DF OF and ID: what code may have set when it comes to a site. */
#define MACHINE_FLAGS 0x200cd5ull

/* By the numbers that instructions use: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 .. r15. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, REGISTERS = 16 };

struct machine_cpu {
    uint64_t r[REGISTERS];
    uint64_t flags;
    uint64_t stack[16]; /* at the stack pointer and above, when the code starts and ends */
};

struct machine_uart {
    uint8_t ier, fcr, lcr, mcr, msr, dll, dlm, scratch;
    uint8_t ready; /* data to be read: bit 0 of the line status */
    uint8_t empty; /* the interrupt of an empty transmitter is pending */
};

struct machine {
    uint8_t *base;
    struct wedge_load load;
    struct wedge_data *data;
    struct wedge_counts counts;
    struct afterburn_pack *pack;
    struct afterburn_site *sites;
    unsigned site_count;
    struct afterburn_symbol *symbols;
    unsigned symbol_count;
    unsigned end; /* of the code so far */
    uint64_t random;
};

/* What came to the devices since machine_start(). */
struct machine_seen {
    struct machine_uart uart;
    char text[8192]; /* what was printed, one way or the other */
    unsigned length;
    unsigned calls;  /* of the mapping's console */
    unsigned faults; /* instructions that would exit */
    unsigned delays; /* of them: to port 80h */
    uint64_t writes; /* a sum over ports and values of other output */
    unsigned interrupts_off, halts, fences;
    uint32_t ids[WEDGE_CPUS]; /* of the last call for an interrupt */
    unsigned id_count, vector, ipi_calls;
    bool refuse;        /* the mapping can't */
    bool sends_by_uart; /* what the mapping sends goes through the UART, as on Mullion */
    unsigned edges;     /* then: interrupts of its transmitter, each when it becomes pending */
};

extern struct machine machine;
extern struct machine_seen seen;

/* An empty guest; SEED: of all that is random. */
void machine_new(uint64_t seed);
/* Code that is a site of KIND: LENGTH bytes, padded to SIZE, BEFORE of that in front. Its address.
 */
uint8_t *machine_site(unsigned kind, const void *insn, unsigned length, unsigned size,
                      unsigned before);
/* Any other code. */
uint8_t *machine_code(const void *code, unsigned length);
/* Behind what was added last: the end of a run. */
void machine_end(void);
void machine_symbol(struct afterburn_symbol symbol);
/* wedge_patch() for a wedge of this ground; fails the test if it has an error. */
void machine_patch(uint32_t ground, uint64_t kinds, uint32_t classes);
/* Runs from CODE to the next machine_end() with these registers; leaves there what they are then.
 */
void machine_run(const uint8_t *code, struct machine_cpu *cpu);
/* Random registers and flags; a stack. */
void machine_cpu_random(struct machine_cpu *cpu);
void machine_cpu_same(const struct machine_cpu *a, const struct machine_cpu *b);
uint64_t machine_random(void);
/* Where the jump at FROM leads; NULL: there is none. */
uint8_t *machine_target(const uint8_t *from);
