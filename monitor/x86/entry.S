/* SPDX-License-Identifier: Apache-2.0 */
/* Entry from Multiboot 1 and 2: from 32-bit protected mode to long mode, then boot_main (Multiboot 0.6.96, 2.0). */
#include "x86/msr.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT2_MAGIC 0xe85250d6
#define MULTIBOOT_FLAGS 0x00000003 /* modules on page borders, memory map wanted */

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .balign 8
multiboot2_header:              /* Multiboot2 2.0, 3.1 */
    .long MULTIBOOT2_MAGIC
    .long 0                     /* 32-bit protected mode: the same entry */
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + (multiboot2_header_end - multiboot2_header))
    .word 5, 1                  /* a framebuffer, if there is one: any size, 32 bits */
    .long 20, 0, 0, 32
    .balign 8
    .word 6, 0                  /* modules on page borders */
    .long 8
    .word 0, 0                  /* end */
    .long 8
multiboot2_header_end:

    .section .text.entry, "ax"
    .code32
    .globl entry_multiboot
entry_multiboot:
    cli
    cld
    movl $boot_stack_top, %esp
    movl %eax, %edi             /* the loader's magic and its information: boot_main's arguments */
    movl %ebx, %esi

    movl $0x80000001, %eax      /* no long mode: nothing of ours can run, not even a message */
    cpuid
    btl $29, %edx
    jnc 2f

    /* Identity map of the first 4 GiB in 2 MiB pages: 4 directories of 512 entries. */
    movl $boot_pd, %ebx
    movl $(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
    xorl %ecx, %ecx
1:  movl %eax, (%ebx, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jb 1b
    movl $boot_pdpt, %ebx
    movl $(boot_pd + PTE_PRESENT + PTE_WRITE), %eax
    movl %eax, 0(%ebx)
    addl $4096, %eax
    movl %eax, 8(%ebx)
    addl $4096, %eax
    movl %eax, 16(%ebx)
    addl $4096, %eax
    movl %eax, 24(%ebx)
    movl $(boot_pdpt + PTE_PRESENT + PTE_WRITE), boot_pml4

    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $(CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $entry_long
2:  movl $0xb8000, %ebx         /* a VGA text screen, if there is one: "no 64-bit mode" */
    movl $0x4f6f4f6e, (%ebx)
    movl $0x4f344f36, 4(%ebx)
    hlt
    jmp 2b

    .code64
entry_long:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %edi, %edi             /* upper halves are undefined after 32-bit code */
    movl %esi, %esi
    movl $boot_stack_top, %esp
    rdtsc                       /* no two boots have the same canary; its low byte stays 0 */
    shll $8, %eax
    xorl %eax, __stack_chk_guard
    xorl %edx, __stack_chk_guard + 4
    call boot_main
3:  cli
    hlt
    jmp 3b

    /* _Noreturn void entry_switch_stack(void *stack_top, void (*go_on)(void)) */
    .globl entry_switch_stack
entry_switch_stack:
    movq %rdi, %rsp
    call *%rsi
4:  cli
    hlt
    jmp 4b

    .section .rodata
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* 64-bit code */
    .quad 0x00cf93000000ffff    /* data */
    .quad 0x00cf9b000000ffff    /* 32-bit code, for the way into long mode of other cores */
boot_gdt_end:
    .globl boot_gdt_pointer
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .balign 8
    .globl boot_gdt_linux
boot_gdt_linux:                 /* 10h and 18h, as the Linux boot protocol wants them */
    .quad 0, 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff

    .section .bss
    .balign 4096
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
boot_stack:
    .skip 32768
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
