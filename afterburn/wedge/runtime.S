/* SPDX-License-Identifier: Apache-2.0 */
/* Where every stub comes by, and where the data is. Runs in the guest's text area at any address. */

.section .resident.rodata, "a"
.balign 8
.globl wedge_data_distance
wedge_data_distance:
    .quad 0 /* from the resident part's first byte to struct wedge_data; written at load time */

.section .resident.text, "ax"

/* A stub has pushed its site word, and its call where the instruction's copy is: struct wedge_regs. */
.globl wedge_common
wedge_common:
    pushfq
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call wedge_handle
    mov %rbx, %rsp
    test %al, %al
    jz 1f
    subq $15, 88(%rsp) /* to the stub's head: its own 5 bytes, the push, the call */
1:  pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    popfq
    ret $8

.globl wedge_data
wedge_data:
    lea wedge_resident_start(%rip), %rax
    add wedge_data_distance(%rip), %rax
    ret

.section .note.GNU-stack, "", @progbits
