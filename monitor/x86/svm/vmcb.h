/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine control block (AMD APM 2, appendix B). */
#pragma once

#include "core/types.h"

/* Intercepts, first word (offset 00Ch) */
#define INTERCEPT_NMI      (1u << 1)
#define INTERCEPT_CR0      (1u << 5) /* writes that change more than TS and MP */
#define INTERCEPT_CPUID    (1u << 18)
#define INTERCEPT_IRET     (1u << 20)
#define INTERCEPT_INVD     (1u << 22)
#define INTERCEPT_HLT      (1u << 24)
#define INTERCEPT_INVLPGA  (1u << 26)
#define INTERCEPT_IOIO     (1u << 27)
#define INTERCEPT_MSR      (1u << 28)
#define INTERCEPT_SHUTDOWN (1u << 31)
/* Intercepts, second word (010h) */
#define INTERCEPT_MWAIT    (1u << 11)
#define INTERCEPT_VMRUN    (1u << 0)
#define INTERCEPT_VMMCALL  (1u << 1)
#define INTERCEPT_VMLOAD   (1u << 2)
#define INTERCEPT_VMSAVE   (1u << 3)
#define INTERCEPT_STGI     (1u << 4)
#define INTERCEPT_CLGI     (1u << 5)
#define INTERCEPT_SKINIT   (1u << 6)

#define TLB_FLUSH_NONE 0u
#define TLB_FLUSH_ALL  1u
#define NESTED_PAGING  1u

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* bits 8-11: G, D/B, L, AVL; 0-7: the access byte */
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    uint16_t intercept_cr_read;    /* 000 */
    uint16_t intercept_cr_write;   /* 002 */
    uint16_t intercept_dr_read;    /* 004 */
    uint16_t intercept_dr_write;   /* 006 */
    uint32_t intercept_exceptions; /* 008 */
    uint32_t intercept1;           /* 00c */
    uint32_t intercept2;           /* 010 */
    uint32_t intercept3;           /* 014 */
    uint8_t reserved1[0x24];
    uint16_t pause_threshold;   /* 03c */
    uint16_t pause_count;       /* 03e */
    uint64_t iopm;              /* 040 */
    uint64_t msrpm;             /* 048 */
    uint64_t tsc_offset;        /* 050 */
    uint32_t asid;              /* 058 */
    uint32_t tlb_control;       /* 05c */
    uint64_t virtual_interrupt; /* 060 */
    uint64_t interrupt_shadow;  /* 068 */
    uint64_t exit_code;         /* 070 */
    uint64_t exit_info1;        /* 078 */
    uint64_t exit_info2;        /* 080 */
    uint64_t exit_int_info;     /* 088 */
    uint64_t nested_control;    /* 090 */
    uint8_t reserved2[0x10];
    uint64_t event;       /* 0a8 */
    uint64_t nested_cr3;  /* 0b0 */
    uint64_t lbr_control; /* 0b8 */
    uint64_t clean;       /* 0c0 */
    uint64_t next_rip;    /* 0c8 */
    uint8_t reserved3[0x400 - 0xd0];

    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; /* 400 */
    uint8_t reserved4[0x2b];
    uint8_t cpl; /* 4cb */
    uint32_t reserved5;
    uint64_t efer; /* 4d0 */
    uint8_t reserved6[0x70];
    uint64_t cr4; /* 548 */
    uint64_t cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved7[0x58];
    uint64_t rsp; /* 5d8 */
    uint8_t reserved8[0x18];
    uint64_t rax; /* 5f8 */
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved9[0x20];
    uint64_t pat; /* 668 */
    uint64_t debug_control;
    uint8_t reserved10[0x1000 - 0x678];
};

_Static_assert(offsetof(struct vmcb, pause_threshold) == 0x3c, "VMCB layout");
_Static_assert(offsetof(struct vmcb, iopm) == 0x40, "VMCB layout");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "VMCB layout");
_Static_assert(offsetof(struct vmcb, event) == 0xa8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB layout");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB layout");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "VMCB layout");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "VMCB layout");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB layout");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "VMCB layout");
_Static_assert(sizeof(struct vmcb) == 0x1000, "VMCB size");
