/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that may load no control register and no table, so that it stays where a core begins: in
 * real mode. Its second core tries, counts its faults by the vector table at 0, and says how many.
 */

#define X2APIC_ICR  0x830
#define ALL_OTHERS  0xc4000     /* their INIT and start-up IPI */
#define INIT        0x500
#define STARTUP     0x608       /* at 8000 */
#define PLACE       0x8000
#define VECTOR_GP   13
#define ROUNDS      7

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18              /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start32

    .text
    .code32
    .globl start32
start32:
    cld
    movl $real, %esi
    movl $PLACE, %edi
    movl $real_end - real, %ecx
    rep movsb
    movl $(PLACE >> 4 << 16) + fault - real, 4 * VECTOR_GP
    movl $X2APIC_ICR, %ecx
    xorl %edx, %edx
    movl $ALL_OTHERS + INIT, %eax
    wrmsr
    movl $ALL_OTHERS + STARTUP, %eax
    wrmsr
1:  jmp 1b

    .macro denied name, instruction:vararg
    movw $ROUNDS, %cx
    xorw %dx, %dx
1:  movw $2f - real, %bp
    \instruction
2:  loop 1b
    movw $3f - real, %si
    call say
    jmp 4f
3:  .asciz "\name "
4:
    .endm

    .code16
real:
    movw %cs, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x8000, %sp
    cld
    movl %cr0, %edi
    movw $begin - real, %si
    call text
    denied cr0, movl %edi, %cr0
    denied cr3, movl %edi, %cr3
    denied cr4, movl %edi, %cr4
    denied lgdt, lgdtl begin - real
    denied lidt, lidtl begin - real
    movw $end - real, %si
    call text
    movw $0x404, %dx            /* sleep control: type 5, enable */
    movb $0x34, %al
    outb %al, %dx
5:  hlt
    jmp 5b

    /* The vector of #GP: bp is where it goes on. */
fault:
    incw %dx
    movw %sp, %bx
    movw %bp, %ss:(%bx)
    iretw

    /* The text at si, the digit in dl, a space. */
say:
    pushw %dx
    call text
    popw %ax
    addb $'0', %al
    call byte
    movb $' ', %al
byte:
    movw $0x3f8, %dx
    outb %al, %dx
    ret
text:
    lodsb
    testb %al, %al
    jz 6f
    call byte
    jmp text
6:  ret

begin:
    .asciz "EVENTS denied "
end:
    .asciz "\n"
real_end:

    .section .note.GNU-stack, "", @progbits
