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
.irp register, rax, rbx, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    push %\register
.endr
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call wedge_handle
    mov %rbx, %rsp
    test %al, %al
    jz 1f
    subq $15, 88(%rsp) /* to the stub's head: its own 5 bytes, the push, the call */
1:
.irp register, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rbx, rax
    pop %\register
.endr
    popfq
    ret $8

.globl wedge_data
wedge_data:
    lea wedge_resident_start(%rip), %rax
    add wedge_data_distance(%rip), %rax
    ret

.section .note.GNU-stack, "", @progbits
