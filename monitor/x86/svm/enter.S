/* SPDX-License-Identifier: Apache-2.0 */
/* World switch (AMD APM 2, 15.5). GIF is off before and after; the guest runs with it on. */
#include "x86/registers.inc"

    .text
    /* rdi: struct registers, rsi: VMCB, rdx: the monitor's own state. Keeps rsp and rbp only. */
    .globl svm_enter
svm_enter:
    pushq %rbp
    pushq %rdi
    pushq %rdx
    movq %rsi, %rax             /* rax and rsp of the guest are in the VMCB */
    registers_load
    vmload %rax
    vmrun %rax
    vmsave %rax
    movq (%rsp), %rax
    vmload %rax                 /* our FS, GS, TR and MSRs again */
    movq 8(%rsp), %rax
    registers_store
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
