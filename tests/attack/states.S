/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that a start-up IPI begins in real mode, one page each, copied to STATE_PAGE. Each goes to
 * some odd mode and leaves the guest there: CPUID, a port, memory of others. Nothing comes back but
 * by INIT.
 */
#define STATE_PAGE 0x9000

    .macro exits                /* 7 of them; eax .. edx are lost */
    xorl %eax, %eax
    cpuid
    outb %al, $0x80
    inb $0x80, %al
    movl $0x1b, %ecx
    rdmsr
    wbinvd
    invd
    movl $0x802, %ecx
    rdmsr
    .endm

    .macro foreign_read
    movl (0x10000000), %eax
    movl %eax, (0x10000000)
    .endm

    .section .rodata
    .code16
    .balign 16
    /* Real mode, exits for ever. */
    .globl state_real, state_real_end
state_real:
    exits
    jmp state_real
state_real_end:

    /* Real mode, faults with a vector table of zeros and a stack that wraps. */
    .globl state_faults, state_faults_end
state_faults:
    xorw %sp, %sp
    movw %sp, %ss
    sti
    movw $0x20, %dx
    outsb
    rep insw
    vmmcall
    ud2
    jmp state_faults
state_faults_end:

    /* Real mode, shutdown at the first fault. */
    .globl state_shutdown, state_shutdown_end
state_shutdown:
    movw %cs, %ax
    movw %ax, %ds
    lidtl none - state_shutdown
    ud2
none:
    .word 0
    .long 0
state_shutdown_end:

    /* Real mode with large segments ("unreal"): the step of a foreign access in it. */
    .globl state_unreal, state_unreal_end
state_unreal:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl 2f - state_unreal
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %ds
    andb $0xfe, %al
    movl %eax, %cr0
1:  addr32 movl 0x10000000, %eax
    addr32 movl %eax, 0x10000000
    exits
    jmp 1b
2:  .word 15
    .long STATE_PAGE + 3f - state_unreal
    .balign 8
3:  .quad 0, 0x00cf93000000ffff
state_unreal_end:

    /* Protected mode without paging, 16-bit code. */
    .globl state_protected16, state_protected16_end
state_protected16:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl 2f - state_protected16
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %ds
    ljmpw $16, $(1f - state_protected16)
1:  addr32 movl 0x10000000, %eax
    addr32 movl %eax, 0x10000000
    exits
    jmp 1b
2:  .word 23
    .long STATE_PAGE + 3f - state_protected16
    .balign 8
3:  .quad 0, 0x00cf93000000ffff, 0x00009b009000ffff
state_protected16_end:

    /* Virtual-8086 mode: no port there, as the task state has no map. */
    .globl state_vm86, state_vm86_end
state_vm86:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl 2f - state_vm86
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %ds
    movw %bx, %ss
    movl $0x8000, %esp
    pushl $0                    /* gs, fs, ds, es, ss */
    pushl $0
    pushl $0
    pushl $0
    pushl $0x900
    pushl $0x800                /* esp */
    pushl $0x23002              /* VM, IOPL 3 */
    pushl $0x900
    pushl $(1f - state_vm86)
    iretl
1:  cpuid
    vmmcall
    jmp 1b
2:  .word 15
    .long STATE_PAGE + 3f - state_vm86
    .balign 8
3:  .quad 0, 0x00cf93000000ffff
state_vm86_end:

    /* Paging as it was in 1985: 4 MiB pages, 32 bit. Its directory is the page behind this one. */
    .globl state_paging32, state_paging32_end
state_paging32:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl 2f - state_paging32
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %ds
    movw %bx, %es
    cld
    movl $0xa000, %edi
    movl $0x83, %eax            /* 4 MiB pages, identity */
    movl $1024, %ecx
1:  addr32 stosl
    addl $0x400000, %eax
    loopl 1b
    movl $0x10, %eax            /* CR4.PSE */
    movl %eax, %cr4
    movl $0xa000, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
4:  addr32 movl 0x10000000, %eax
    addr32 movl %eax, 0x10000000
    exits
    jmp 4b
2:  .word 15
    .long STATE_PAGE + 3f - state_paging32
    .balign 8
3:  .quad 0, 0x00cf93000000ffff
state_paging32_end:

    /* PAE paging whose four roots lie in another VM's memory. */
    .globl state_pae_outside, state_pae_outside_end
state_pae_outside:
    movl $0x20, %eax            /* CR4.PAE */
    movl %eax, %cr4
    movl $0x10000000, %eax
    movl %eax, %cr3
    movl $0x80000001, %eax
    movl %eax, %cr0
1:  exits
    jmp 1b
state_pae_outside_end:

    .code64
    /* Compatibility mode, ring 3 or 0: a foreign access, then exits. Copied to STATE_PAGE. */
    .globl state_compat, state_compat_end
state_compat:
    .code32
    foreign_read
1:  cpuid
    movl $0x1b, %ecx
    movl (0x10000000), %eax
    vmmcall
    jmp 1b
    .code64
state_compat_end:

    /* CPUID alone: wherever it stands, the monitor goes on behind it. */
    .globl state_cpuid, state_cpuid_end
state_cpuid:
    cpuid
state_cpuid_end:

    .section .note.GNU-stack, "", @progbits
