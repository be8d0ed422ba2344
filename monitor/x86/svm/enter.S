/* SPDX-License-Identifier: Apache-2.0 */
/* World switch (AMD APM 2, 15.5). GIF is off before and after; the guest runs with it on. */

    .text
    /* rdi: struct registers, rsi: VMCB, rdx: the monitor's own state. Keeps rsp and rbp only. */
    .globl svm_enter
svm_enter:
    pushq %rbp
    pushq %rdi
    pushq %rdx
    movq %rsi, %rax             /* rax and rsp of the guest are in the VMCB */
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
    vmload %rax
    vmrun %rax
    vmsave %rax
    movq (%rsp), %rax
    vmload %rax                 /* our FS, GS, TR and MSRs again */
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
    addq $16, %rsp
    popq %rbp
    ret

    /* void svm_save_host(uint64_t host_state) */
    .globl svm_save_host
svm_save_host:
    movq %rdi, %rax
    vmsave %rax
    ret

    .section .note.GNU-stack, "", @progbits
