/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's processor. It lives on one core; all of it belongs to that core but the atomics. */
#pragma once

#include <stdatomic.h>

#include "core/exits.h"

struct pcpu;
struct vm;

/* In the order of the instruction encoding; rsp is kept by the back end. */
struct registers {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

enum vcpu_state {
    VCPU_STOPPED,   /* parked; only REQUEST_BOOT wakes it */
    VCPU_WAIT_SIPI, /* parked after INIT */
    VCPU_RUNNING,
    VCPU_PAUSED, /* parked until the VM goes on */
};

enum vcpu_mode { VCPU_REAL, VCPU_PROTECTED, VCPU_LONG };

/* How a vCPU begins: real mode at CS:0, flat protected mode, or 64-bit mode with paging. */
struct vcpu_start {
    enum vcpu_mode mode;
    uint64_t rip; /* real mode: the segment's base, a multiple of 4 KiB */
    uint64_t cr3; /* long mode */
};

/* An event to inject: vector, type << 8, error code valid << 11, valid << 31, error code << 32. */
#define EVENT_VALID     (1ull << 31)
#define EVENT_ERROR     (1ull << 11)
#define EVENT_NMI       (EVENT_VALID | 2u << 8 | 2u)
#define EVENT_SOFTWARE  (EVENT_VALID | 4u << 8) /* INT n: RIP, or the next RIP, is behind it */
#define EVENT_EXCEPTION (EVENT_VALID | 3u << 8)

/* Whether a vCPU's core could be taken: its kernel has switched it off. */
enum vcpu_left {
    VCPU_STAYS,
    VCPU_PARKED, /* off line, and seen to be; its kernel may start it again */
    VCPU_LEFT,   /* its kernel can no more: it is being taken */
};

struct vcpu {
    struct registers regs; /* first: the entry code finds it at 0 */
    uint64_t rip;          /* at the exit; what a handler leaves here is gone on from */
    uint64_t event;        /* injected at the next entry; 0: none */
    struct vm *vm;
    struct pcpu *cpu;
    unsigned index; /* in the VM, 0: the boot vCPU */
    void *control;  /* VMCB or VMCS */
    enum vcpu_state state;
    _Atomic bool stopped; /* acknowledged REQUEST_STOP */
    _Atomic uint8_t sipi_vector;
    bool leaving;                    /* to be parked as soon as its kernel has switched it off */
    _Atomic uint8_t left;            /* enum vcpu_left */
    bool away;                       /* the core is not this VM's now */
    bool handing, coming;            /* .. not any more, or not yet: see cores.c */
    _Atomic bool flushed;            /* has served the last REQUEST_FLUSH */
    _Atomic unsigned controls_taken; /* the VM's controls_number that its control block has */
    _Atomic uint64_t controls_tsc;   /* .. since when */
    int64_t tsc_offset;              /* of the controls that it has taken up */
    bool nmi_pending;                /* a guest NMI waits until it may be injected */
    bool in_nmi;                     /* between a guest NMI and its IRET: SVM */
    bool launched;                   /* since its reset: VT-x */
    uint64_t icr;                    /* last command written: reads are virtual */
    uint32_t errors, errors_shown;   /* of APIC commands to cores that it lacks: until its next
                                        write of the error register, and since the last one */
    uint64_t clock_msr;              /* the guest's kvm-clock page */
    uint64_t exits[EXIT_REASONS];

    /* Trap and step. */
    bool stepping;
    bool step_iret;    /* over an IRET: it loads the flags itself */
    uint8_t step_over; /* this enum control_event + 1 is let through; 0: none */
    void *step_page;   /* what the one page is while stepping */
    void *step_tables; /* 4 pages of tables, made at the first step */
    uint64_t step_saved_flags, step_saved_dr6;
    bool step_sets_dr6;  /* the instruction does */
    bool step_looks;     /* at the register that it writes, as follows */
    bool step_elsewhere; /* on step_tables: VT-x */
    uint64_t step_old;   /* of what is looked at behind the step: the register as it was .. */
    uint64_t step_rip;   /* .. and the instruction's RIP, or for INT n the next one, if known */
    void (*step_done)(struct vcpu *vcpu); /* after the instruction; NULL: nothing to look at */
    uint64_t step_gpa;
};

static inline void vcpu_count(struct vcpu *vcpu, enum exit_reason reason)
{
    vcpu->exits[reason]++;
}

static inline void vcpu_fault(struct vcpu *vcpu, unsigned vector)
{
    vcpu->event = EVENT_EXCEPTION | vector;
}

static inline void vcpu_fault_error(struct vcpu *vcpu, unsigned vector, uint32_t error)
{
    vcpu->event = EVENT_EXCEPTION | EVENT_ERROR | vector | (uint64_t)error << 32;
}

/* #GP(0): the guest's own fault, at the instruction that left it. */
static inline void vcpu_fault_gp(struct vcpu *vcpu)
{
    vcpu_fault_error(vcpu, 13, 0);
}
