/* SPDX-License-Identifier: Apache-2.0 */
/* Entering code with every register given, at any privilege level and in any code segment. */

    .code64
    .text
    /* void enter_with(struct frame *frame): never returns; the frame is left by its end */
    .globl enter_with
enter_with:
    cli
    movq %rdi, %rsp
    jmp frame_leave

    .section .note.GNU-stack, "", @progbits
