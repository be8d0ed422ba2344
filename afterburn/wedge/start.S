/* SPDX-License-Identifier: Apache-2.0 */
/* PVH entry (Xen's x86/HVM direct boot ABI): 32 bit, paging off, EBX: start info. To 64 bit and back. */
#define EFER         0xc0000080
#define EFER_LME_BIT 8

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
    movl $0x83, %eax            /* present, writable, large */
    movl $2048, %ecx
    movl $directories, %edi
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $(directories + 0x0003), pointers
    movl $(directories + 0x1003), pointers + 8
    movl $(directories + 0x2003), pointers + 16
    movl $(directories + 0x3003), pointers + 24
    movl $(pointers + 3), top
    movl $top, %eax
    movl %eax, %cr3
    movl $0x20, %eax            /* PAE */
    movl %eax, %cr4
    movl $EFER, %ecx
    rdmsr
    btsl $EFER_LME_BIT, %eax
    wrmsr
    movl $0x80000011, %eax      /* PG, ET, PE */
    movl %eax, %cr0
    lgdt table_pointer
    ljmp $8, $1f

    .code64
1:  movl $(stack + 0x4000), %esp
    call load_data_segments
    movl %ebx, %edi
    call wedge_main

    /* _Noreturn void enter_guest(uint32_t entry, uint32_t start_info, uint32_t boot_params) */
    .globl enter_guest
enter_guest:
    movl %edx, %eax             /* ESI: boot_params; EBX: start info; Linux wants the others 0 */
    movl %esi, %ebx
    movl %eax, %esi
    pushq $16
    pushq $1f
    lretq
    .code32
1:  movl $0x11, %eax            /* ET, PE: no paging, hence no long mode */
    movl %eax, %cr0
    movl $EFER, %ecx
    rdmsr
    btrl $EFER_LME_BIT, %eax
    wrmsr
    xorl %eax, %eax
    movl %eax, %cr4
    xorl %ebp, %ebp
    pushl %edi
    xorl %edi, %edi
    call load_data_segments
    ret

    /* The same bytes in both modes. */
load_data_segments:
    movl $24, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    ret

    .section .rodata
    .balign 8
table:                          /* 10h and 18h, as Linux' 32-bit boot protocol has them */
    .quad 0
    .quad 0x00af9b000000ffff    /* 64-bit code */
    .quad 0x00cf9b000000ffff    /* 32-bit code */
    .quad 0x00cf93000000ffff    /* data */
table_pointer:
    .word table_pointer - table - 1
    .quad table

    .section .bss
    .balign 4096
top: .skip 0x1000
pointers: .skip 0x1000
directories: .skip 0x4000
stack: .skip 0x4000

    .section .note.GNU-stack, "", @progbits
