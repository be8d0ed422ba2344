/* SPDX-License-Identifier: Apache-2.0 */
/* 256 interrupt entries, the MSR accesses that may fault, and the sleep of a parked core. */

    .macro entry vector
    .balign 16
    .if (\vector != 8) && (\vector != 17) && (\vector != 21) && ((\vector < 10) || (\vector > 14))
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
    .endm

    .text
    .balign 16
    .globl trap_entries
trap_entries:
    .altmacro
    .set vector, 0
    .rept 256
    entry %vector
    .set vector, vector + 1
    .endr

trap_common:
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
    call trap_handle
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

    /* A guest's left-over interrupt, whatever its vector: ended, nothing else. */
    .globl trap_drain
trap_drain:
    pushq %rax
    pushq %rcx
    pushq %rdx
    movl $0x80b, %ecx           /* X2APIC_EOI */
    xorl %eax, %eax
    xorl %edx, %edx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
    iretq

    .macro may_fault from, to
    .pushsection .fixup_table, "a"
    .quad \from, \to
    .popsection
    .endm

    /* bool rdmsr_safe(uint32_t msr, uint64_t *value) */
    .globl rdmsr_safe
rdmsr_safe:
    movl %edi, %ecx
1:  rdmsr
    shlq $32, %rdx
    movl %eax, %eax
    orq %rdx, %rax
    movq %rax, (%rsi)
    movl $1, %eax
    ret
    may_fault 1b, msr_fault

    /* bool wrmsr_safe(uint32_t msr, uint64_t value) */
    .globl wrmsr_safe
wrmsr_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
2:  wrmsr
    movl $1, %eax
    ret
    may_fault 2b, msr_fault

    /* bool xsetbv_safe(uint32_t index, uint64_t value) */
    .globl xsetbv_safe
xsetbv_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
3:  xsetbv
    movl $1, %eax
    ret
    may_fault 3b, msr_fault

msr_fault:
    xorl %eax, %eax
    ret

    /*
     * void trap_sleep(const uint32_t *flag): with NMIs let in by the caller, HLT until *flag is
     * set. An NMI between the look and the HLT would be slept through: see trap_nmi.
     */
    .globl trap_sleep
trap_sleep:
    cmpl $0, (%rdi)
    jne 4f
    hlt
4:  ret

    .pushsection .restart_table, "a"
    .quad trap_sleep, 4b, 4b
    .popsection

    .section .note.GNU-stack, "", @progbits
