/* SPDX-License-Identifier: Apache-2.0 */
/* Guest states that VM entry takes: real mode, flat, 64-bit and virtual-8086. */
#pragma once

#include "x86/vmx/entry_check.h"
#include "x86/vmx/vmcs.h"

/* Of an i7-6700K (see test_vmx_capability.c). */
static const struct vmx_capability capability = {.misc = 0x7004c1e7,
                                                 .cr0_fixed0 = 0x80000021,
                                                 .cr0_fixed1 = 0xffffffff,
                                                 .cr4_fixed0 = 0x2000,
                                                 .cr4_fixed1 = 0x3727ff};

#define ENTRY_CONTROLS 0xd1ffu
#define UNUSABLE       0x10000u
#define INTERRUPT(n)   (0x80000000u | (n))
#define NMI            0x80000202u
#define EXCEPTION(n)   (0x80000300u | (n))
#define PENDING_MTF    0x80000700u

/* As after a start-up IPI with vector 9ah. */
static inline struct vmx_guest_state real_mode(void)
{
    struct vmx_guest_state s = {.cr0 = 0x30,
                                .cr4 = 0x2000,
                                .rflags = 2,
                                .dr7 = 0x400,
                                .pat = 0x0007040600070406,
                                .gdtr = {0, 0xffff},
                                .idtr = {0, 0x3ff},
                                .link_pointer = UINT64_MAX,
                                .entry_controls = ENTRY_CONTROLS,
                                .physical_bits = 39,
                                .linear_bits = 48};
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        s.segments[i] = (struct vmx_segment_state){0, 0, 0xffff, 0x93};
    s.segments[VMX_CS] = (struct vmx_segment_state){0x9a00, 0x9a000, 0xffff, 0x9b};
    s.segments[VMX_LDTR] = (struct vmx_segment_state){0, 0, 0xffff, 0x82};
    s.segments[VMX_TR] = (struct vmx_segment_state){0, 0, 0xffff, 0x8b};
    return s;
}

/* As a PVH kernel starts: flat segments, no paging. */
static inline struct vmx_guest_state flat_mode(void)
{
    struct vmx_guest_state s = real_mode();
    s.cr0 = 0x31;
    s.rip = 0x1000200;
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        s.segments[i] = (struct vmx_segment_state){0x10, 0, 0xffffffff, 0xc093};
    s.segments[VMX_CS] = (struct vmx_segment_state){8, 0, 0xffffffff, 0xc09b};
    return s;
}

/* As Linux runs user space. */
static inline struct vmx_guest_state long_mode(void)
{
    struct vmx_guest_state s = flat_mode();
    s.cr0 = 0x80050033;
    s.cr3 = 0x12345000;
    s.cr4 = 0x3626b0;
    s.efer = 0xd01;
    s.rip = 0x7fffdeadbeef;
    s.rflags = 0x246;
    s.sysenter_esp = 0xfffffe0000003000;
    s.sysenter_eip = 0xffffffff81e01890;
    s.segments[VMX_CS] = (struct vmx_segment_state){0x33, 0, 0xffffffff, 0xa0fb};
    s.segments[VMX_SS] = (struct vmx_segment_state){0x2b, 0, 0xffffffff, 0xc0f3};
    for (unsigned i = VMX_DS; i <= VMX_GS; i++)
        s.segments[i] = (struct vmx_segment_state){0, 0, 0, UNUSABLE};
    s.segments[VMX_ES] = s.segments[VMX_LDTR] = s.segments[VMX_DS];
    s.segments[VMX_GS].base = 0xffff88807d000000;
    s.segments[VMX_TR] = (struct vmx_segment_state){0x40, 0xfffffe0000003000, 0x206f, 0x8b};
    s.gdtr = (struct vmx_table_state){0xfffffe0000001000, 0x7f};
    s.idtr = (struct vmx_table_state){0xfffffe0000000000, 0xfff};
    s.entry_controls |= VMX_ENTRY_IA32E;
    return s;
}

/* A task of 16-bit code under a 32-bit kernel with PAE. */
static inline struct vmx_guest_state v86_mode(void)
{
    struct vmx_guest_state s = flat_mode();
    s.cr0 = 0x80000033;
    s.cr3 = 0x5fe0;
    s.cr4 = 0x2020;
    s.rip = 0x100;
    s.rflags = 0x20202;
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        s.segments[i] = (struct vmx_segment_state){0x1234, 0x12340, 0xffff, 0xf3};
    s.pdpte[0] = 0x6001;
    s.pdpte[3] = 0x7ffffff019;
    s.pdpte[1] = 0xfe; /* not present: nothing of it is looked at */
    return s;
}
