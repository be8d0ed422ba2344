/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin's files share: the counts of each of the machine's processors. */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include "qemu.h"

enum { MAX_PROCESSORS = 64, MAX_REASONS = 4096 };

/* Why a guest was left, and what was executed outside until it went on. */
struct reason {
    uint64_t code, detail;
    uint64_t count; /* 0: a free place */
    uint64_t instructions, least, most;
};

struct processor {
    bool started;
    bool inside;          /* the guest runs here */
    uint64_t since;       /* all instructions of this processor at the last switch */
    uint64_t guest, host; /* instructions inside and outside, up to that switch */
    uint64_t entries;     /* how often the guest was entered */
    struct reason *last;  /* why it was left the last time */
    struct reason reasons[MAX_REASONS];
};

extern struct processor processors[MAX_PROCESSORS];

/* count.c: how many instructions this processor has executed. */
uint64_t executed(unsigned cpu);
/* How many of them were IRET. */
uint64_t returned(unsigned cpu);
/* How many were NOPs, of any length. */
uint64_t padding(unsigned cpu);
/* The guest is entered, or left because of CODE and DETAIL. */
void guest_entered(unsigned cpu);
void guest_left(unsigned cpu, uint64_t code, uint64_t detail);

/* registers.c: what a processor holds, in a callback of that processor. */
uint64_t register_rax(unsigned cpu);
uint64_t register_rcx(unsigned cpu);
/* Reads SIZE (at most 8) bytes at a virtual address. */
uint64_t memory_read(unsigned cpu, uint64_t address, size_t size);

/* svm.c: guests between VMRUN and the instruction behind it. DIRECT: where physical 0 is mapped. */
void svm_translated(struct qemu_plugin_tb *tb);
extern uint64_t svm_direct;

/* xen.c: a paravirtual guest is what executes outside of Xen's addresses. */
void xen_init(void);
void xen_translated(struct qemu_plugin_tb *tb);

/* output.c: lines of text in a file. */
bool output_open(const char *path);
void output_full(unsigned cpu, uint64_t id);
void output_short(unsigned cpu, uint64_t id);

#endif
