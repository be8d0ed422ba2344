/* SPDX-License-Identifier: Apache-2.0 */
/* World switch (Intel SDM 3, 27 and 28). Interrupts are off before and after; NMIs come any time. */
#include "x86/registers.inc"

#define VMCS_HOST_RSP 0x6c14
#define CALLED  1               /* enum vmx_entered */
#define REFUSED 2

    .text
    /*
     * unsigned vmx_enter(struct registers *, const uint32_t *nmi_seen, bool launched): back with
     * the next exit. Keeps rsp and rbp only. An NMI from the look at nmi_seen on, up to the entry,
     * leads to 2f (trap_nmi).
     */
    .globl vmx_enter, vmx_left
vmx_enter:
    pushq %rbp
    pushq %rdi
    movl $VMCS_HOST_RSP, %eax
    vmwrite %rsp, %rax
1:  cmpl $0, (%rsi)
    jne 2f
    testl %edx, %edx
    movq 0x00(%rdi), %rax       /* no flag changes from here on */
    registers_load
    jz 3f
    vmresume
    jmp 4f
3:  vmlaunch
4:  movl $REFUSED, %eax
    jmp 5f
2:  movl $CALLED, %eax
5:  popq %rdi
    popq %rbp
    ret

    /* Where an exit leads: rsp is as vmx_enter has written it. */
vmx_left:
    pushq %rax
    movq 8(%rsp), %rax
    registers_store
    popq (%rax)
    popq %rdi
    popq %rbp
    xorl %eax, %eax
    ret

    .pushsection .restart_table, "a"
    .quad 1b, 4b, 2b
    .popsection

    .section .note.GNU-stack, "", @progbits
