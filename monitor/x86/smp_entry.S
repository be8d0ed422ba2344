/* SPDX-License-Identifier: Apache-2.0 */
/* The first code of the other cores: copied to a page below 1 MiB (AMD APM 2, 14.7 and 15.4). */
#include "x86/msr.h"

    .section .rodata
    .balign 16
    .globl smp_trampoline, smp_trampoline_end
    .code16
smp_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl smp_trampoline_gdt - smp_trampoline
    movl smp_trampoline_cr3 - smp_trampoline, %eax
    movl %eax, %cr3
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $(CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
    movl %eax, %cr0
    ljmpl $8, $smp_entry_long   /* the code segment is 64 bit, and so is what follows */

    .balign 8
smp_trampoline_gdt:
    .word 31
    .long boot_gdt
    .word 0
smp_trampoline_cr3:
    .long boot_pml4
smp_trampoline_end:

    .text
    .code64
smp_entry_long:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq smp_start_stack, %rsp
    movq smp_start_argument, %rdi
    call smp_main
1:  cli
    hlt
    jmp 1b

    .section .note.GNU-stack, "", @progbits
