/* SPDX-License-Identifier: Apache-2.0 */
/* World switch (Intel SDM 3, 27 and 28). Interrupts are off before and after; NMIs come any time. */
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
    movq 0x08(%rdi), %rcx
    movq 0x10(%rdi), %rdx
    movq 0x18(%rdi), %rbx
    movq 0x28(%rdi), %rbp
    movq 0x30(%rdi), %rsi
    movq 0x40(%rdi), %r8
    movq 0x48(%rdi), %r9
    movq 0x50(%rdi), %r10
    movq 0x58(%rdi), %r11
    movq 0x60(%rdi), %r12
    movq 0x68(%rdi), %r13
    movq 0x70(%rdi), %r14
    movq 0x78(%rdi), %r15
    movq 0x38(%rdi), %rdi
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
    movq %rcx, 0x08(%rax)
    movq %rdx, 0x10(%rax)
    movq %rbx, 0x18(%rax)
    movq %rbp, 0x28(%rax)
    movq %rsi, 0x30(%rax)
    movq %rdi, 0x38(%rax)
    movq %r8, 0x40(%rax)
    movq %r9, 0x48(%rax)
    movq %r10, 0x50(%rax)
    movq %r11, 0x58(%rax)
    movq %r12, 0x60(%rax)
    movq %r13, 0x68(%rax)
    movq %r14, 0x70(%rax)
    movq %r15, 0x78(%rax)
    popq (%rax)
    popq %rdi
    popq %rbp
    xorl %eax, %eax
    ret

    .pushsection .restart_table, "a"
    .quad 1b, 4b, 2b
    .popsection

    .section .note.GNU-stack, "", @progbits
