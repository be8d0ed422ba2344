/* SPDX-License-Identifier: Apache-2.0 */
/* Common start of the attack guests: PVH entry, long mode, other cores, exceptions. */

#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18
#define TSS    0x30

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18              /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start32

    .data
    .balign 4096
    .globl pml4, pdpt
pml4:
    .quad pdpt + 7, pdpt + 4096 + 7
    .fill 510, 8, 0
pdpt:                           /* identity, 1 TiB in pages of 1 GiB, for all rings */
    .set page, 0
    .rept 1024
    .quad (page << 30) | 0x87
    .set page, page + 1
    .endr

    .balign 16
    .globl gdt
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 08: 32-bit code */
    .quad 0x00cf93000000ffff    /* 10: data */
    .quad 0x00af9b000000ffff    /* 18: 64-bit code */
    .quad 0x00cff3000000ffff    /* 20: data of ring 3 */
    .quad 0x00affb000000ffff    /* 28: 64-bit code of ring 3 */
    .quad 0, 0                  /* 30: task state */
    .quad 0x00cffb000000ffff    /* 40: 32-bit code of ring 3 */
    .quad 0x00009b000000ffff    /* 48: 16-bit code */
    .quad 0x000093000000ffff    /* 50: 16-bit data */
    .quad 0, 0                  /* 58: what an attack makes of it */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .globl start_info, ap_stack, ap_cpu
start_info:
    .quad 0
ap_stack:
    .quad 0
ap_cpu:
    .quad 0

    .text
    .code32
    .globl start32
start32:
    cld
    movl %ebx, start_info
    movl $boot_stack_top, ap_stack
    lgdt gdt_pointer
    ljmp $CODE32, $common32

common32:                       /* flat protected mode, no paging; stack in ap_stack */
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x6a0, %eax           /* PAE, PGE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    movl $0x100, %eax           /* EFER.LME */
    xorl %edx, %edx
    wrmsr
    movl $0x80010033, %eax      /* PG, WP, NE, ET, MP, PE: caches on */
    movl %eax, %cr0
    ljmp $CODE64, $common64

    .code64
common64:
    movq ap_stack, %rsp
    movq ap_cpu, %rdi
    xorl %ebp, %ebp
    testq %rdi, %rdi
    jnz 1f
    call guest_start
1:  call cpu_start
2:  hlt
    jmp 2b

    /* Copied to 0x8000: a core that a start-up IPI has woken, real mode at 0800:0000. */
    .code16
    .globl trampoline, trampoline_end
trampoline:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl tr_pointer - trampoline
    movl $0x11, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $common32
tr_pointer:
    .word gdt_end - gdt - 1
    .long gdt
trampoline_end:

    .code64
    .macro entry vector
    .balign 16
    .if (\vector != 8) && (\vector != 17) && (\vector != 21) && ((\vector < 10) || (\vector > 14))
    pushq $0
    .endif
    pushq $\vector
    jmp entry_common
    .endm

    .balign 16
    .globl entries
entries:
    .altmacro
    .set vector, 0
    .rept 256
    entry %vector
    .set vector, vector + 1
    .endr

entry_common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %rdi
    cld
    call exception
    .globl frame_leave
frame_leave:                    /* rsp: a struct frame */
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

    /* int recover_set(struct recover *): 0; again, with vector + 1, after an exception. */
    .globl recover_set, recover_resume
recover_set:
    movq (%rsp), %rax
    movq %rax, 0x00(%rdi)
    leaq 8(%rsp), %rax
    movq %rax, 0x08(%rdi)
    movq %rbx, 0x10(%rdi)
    movq %rbp, 0x18(%rdi)
    movq %r12, 0x20(%rdi)
    movq %r13, 0x28(%rdi)
    movq %r14, 0x30(%rdi)
    movq %r15, 0x38(%rdi)
    xorl %eax, %eax
    ret
    /* The handler returns here with rdi = the recover, rsi = what recover_set shall return. */
recover_resume:
    movq 0x08(%rdi), %rsp
    movq 0x10(%rdi), %rbx
    movq 0x18(%rdi), %rbp
    movq 0x20(%rdi), %r12
    movq 0x28(%rdi), %r13
    movq 0x30(%rdi), %r14
    movq 0x38(%rdi), %r15
    movl %esi, %eax
    jmpq *0x00(%rdi)

    /* void call_at(uint64_t address), void ring3(uint64_t rip, uint64_t rsp, uint64_t flags) */
    .globl call_at, ring3
call_at:
    jmpq *%rdi
ring3:
    pushq $0x23
    pushq %rsi
    pushq %rdx
    pushq $0x2b
    pushq %rdi
    iretq

    /* In ring 3 with AC set: unaligned loads for ever; the stack is never used. */
    .globl unaligned_loop
unaligned_loop:
    leaq boot_stack_top - 64, %rax
1:  movq 1(%rax), %rcx
    jmp 1b

    .bss
    .balign 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
