/* SPDX-License-Identifier: Apache-2.0 */
/* PVH entry (Xen's x86/HVM direct boot ABI): 32 bit, paging off, EBX: start info. To 64 bit. */
#define PAGE_PRESENT_WRITE 0x03
#define PAGE_LARGE         0x83
#define CR0_PE_ET          0x11
#define CR0_PG_BIT         31
#define CR4_PAE            0x20
#define MSR_EFER           0xc0000080
#define EFER_LME_BIT       8

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18              /* sizes of name and descriptor; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad wedge_entry

    .section .text.entry, "ax"
    .code32
    .globl wedge_entry
wedge_entry:
    cli
    cld
    /* The first 4 GiB as they are, in 2 MiB pages: 4 directories of 512 entries. */
    movl $PAGE_LARGE, %eax
    xorl %ecx, %ecx
1:  movl %eax, directories(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jb 1b
    movl $(directories + PAGE_PRESENT_WRITE), %eax
    xorl %ecx, %ecx
2:  movl %eax, pointers(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jb 2b
    movl $(pointers + PAGE_PRESENT_WRITE), top

    movl $top, %eax
    movl %eax, %cr3
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    btsl $EFER_LME_BIT, %eax
    wrmsr
    movl %cr0, %eax
    btsl $CR0_PG_BIT, %eax
    movl %eax, %cr0
    lgdt table_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $24, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $stack_top, %esp
    movl %ebx, %edi
    call wedge_main

    /* _Noreturn void enter_guest(uint32_t entry, uint32_t argument): as at the PVH entry above. */
    .text
    .globl enter_guest
enter_guest:
    lgdt table_pointer          /* its own, should a mapping have loaded another */
    pushq $16
    pushq $protected_mode
    lretq
    .code32
protected_mode:
    movl $CR0_PE_ET, %eax
    movl %eax, %cr0             /* no paging, hence no long mode */
    xorl %eax, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    btrl $EFER_LME_BIT, %eax
    wrmsr
    movl $24, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl %edi, %eax             /* the entry */
    movl %esi, %ebx
    xorl %edi, %edi
    xorl %ebp, %ebp
    jmp *%eax

    .section .rodata
    .balign 8
table:
    .quad 0
    .quad 0x00af9b000000ffff    /* 64-bit code */
    .quad 0x00cf9b000000ffff    /* 32-bit code */
    .quad 0x00cf93000000ffff    /* data */
table_end:
table_pointer:
    .word table_end - table - 1
    .quad table

    .section .bss
    .balign 4096
top:
    .skip 4096
pointers:
    .skip 4096
directories:
    .skip 4 * 4096
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
