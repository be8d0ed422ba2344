# SPDX-License-Identifier: Apache-2.0
# A guest of a few instructions that has all that `afterburn pack` looks for. Linked at 1 MiB; never run.
.section .note.pvh,"a",@note
.long 4,4,18
.asciz "Xen"
.long pvh_start_xen

.text
.globl startup_64
.type startup_64,@function
startup_64:
	cpuid                   # flagged: no stack
.size startup_64,.-startup_64
.code32
.globl pvh_start_xen
pvh_start_xen:
	cli                     # excluded: mode
	ljmp $8,$plain
.code64
plain:	rdmsr                   # in the exception table
	outb %al,$0x80
	lidt table(%rip)        # excluded: relative to RIP
	sti
	hlt
.type relocate_kernel,@function
relocate_kernel:
	mov %rax,%cr3           # excluded: moved
.size relocate_kernel,.-relocate_kernel

.type module_finalize,@function
module_finalize:
	endbr64
	call plain
	push %rbp
	mov %rsp,%rbp
	sub $8,%rsp
	ret
.size module_finalize,.-module_finalize

.section .entry.text,"ax"
	swapgs                  # excluded: entry
.section .altinstr_replacement,"ax"
	rdtscp                  # excluded: template
.data
	cli                     # excluded: section
table:	.quad 0
__per_cpu_offset: .quad 0,0
.type __per_cpu_offset,@object
.size __per_cpu_offset,16

.section __ex_table,"a"
.globl __start___ex_table, __stop___ex_table
__start___ex_table:
	.long plain-.,plain-.,0
__stop___ex_table:
