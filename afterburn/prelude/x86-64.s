# SPDX-License-Identifier: Apache-2.0
# Given to the assembler in front of each source (-Wa,x86-64.s): macros named as the sensitive
# instructions. Each emits its instruction, pads it to afterburn_min bytes, so that a jump fits, and
# records it as struct afterburn_record (include/mullion/afterburn.h). AT&T syntax.

# Choose another size with -Wa,--defsym,afterburn_min=8 (5: a near jump; 8 and 16 work, too).
.ifndef afterburn_min
.set .Lab_min, 5
.else
.set .Lab_min, afterburn_min
.endif

.set .Lab_rep, 0 # 1: a prefix was just in front

# NOPs that are the same instructions in 64-, 32- and 16-bit code; .nops takes the mode at the file's end.
.macro ab_pad ab_size:req
.rept (\ab_size)/4
.byte 0x0f,0x1f,0x40,0
.endr
.if (\ab_size)%4==3
.byte 0x0f,0x1f,0
.elseif (\ab_size)%4==2
.byte 0x66,0x90
.elseif (\ab_size)%4==1
.byte 0x90
.endif
.endm

# The mode bytes are an instruction that each mode encodes in its own way. 9871: the site's first
# byte, 9872 and 9873: the instruction's first byte and its end, 9874: the site's end.
.macro ab_record ab_kind:req
.pushsection .debug_sfnames,"",@progbits
.balign 4,0
.long 9871b-.
.byte 9874b-9871b,9872b-9871b,9873b-9872b,\ab_kind
inc %eax
.balign 4,0
.popsection
.endm

# The end of an instruction that has its padding behind it.
.macro ab_behind ab_kind:req
9873:
.if 9873b-9872b<.Lab_min
ab_pad .Lab_min-(9873b-9872b)
.endif
9874:
ab_record \ab_kind
.set .Lab_rep, 0
.endm

# The pseudo prefix keeps the mnemonic from being taken for its macro again, and changes no encoding.
# A prefix in a statement of its own belongs to the site, and has set both labels.
.macro ab_site ab_kind:req, ab_insn:vararg
.if .Lab_rep==0
9871:
9872:
.endif
{nooptimize} \ab_insn
ab_behind \ab_kind
.endm

# What is executed most, and leaves no guest for another's decoder, is padded by prefixes without a
# meaning here (DS, as gas itself pads branches), as far as four go: one instruction, not two.
.macro ab_lead ab_number:req, ab_insn:vararg
.set .Lab_lead, .Lab_min-1
.ifc \ab_insn,swapgs
.set .Lab_lead, .Lab_min-3
.endif
.if .Lab_lead>4
.set .Lab_lead, 4
.endif
.rept .Lab_lead
.byte 0x3e
.endr
{nooptimize} \ab_insn
.endm

.macro ab_prefixed ab_kind:req, ab_insn:vararg
9871:
9872:
ab_lead \ab_kind, \ab_insn
ab_behind \ab_kind
.endm

# The interrupt shadow of sti covers the next instruction, so nothing may come between.
.macro ab_shadow ab_kind:req, ab_insn:vararg
9871:
.if .Lab_min>5
ab_pad .Lab_min-5
.endif
9872:
ab_lead \ab_kind, \ab_insn
9873:
9874:
ab_record \ab_kind
.set .Lab_rep, 0
.endm

.macro ab_kind ab_do:req, ab_number:req, ab_names:vararg
.irp ab_name, \ab_names
.macro \ab_name ab_ops:vararg
\ab_do \ab_number, \ab_name \ab_ops
.endm
.endr
.endm

ab_kind ab_prefixed, 1, cli
ab_kind ab_shadow, 2, sti
ab_kind ab_prefixed, 3, pushf, pushfl, pushfq
ab_kind ab_site, 3, pushfw
ab_kind ab_prefixed, 4, popf, popfl, popfq
ab_kind ab_site, 4, popfw
ab_kind ab_site, 5, iret, iretw, iretl, iretq
ab_kind ab_site, 6, hlt
ab_kind ab_site, 7, in, inb, inw, inl
ab_kind ab_site, 8, out, outb, outw, outl
ab_kind ab_site, 9, ins, insb, insw, insl
ab_kind ab_site, 10, outs, outsb, outsw, outsl
ab_kind ab_site, 11, cpuid
ab_kind ab_site, 12, rdmsr
ab_kind ab_site, 13, wrmsr
ab_kind ab_site, 14, rdtsc
ab_kind ab_site, 15, rdtscp
ab_kind ab_site, 16, rdpmc
ab_kind ab_site, 21, lgdt, lgdtw, lgdtl, lgdtq, lidt, lidtw, lidtl, lidtq, lldt, lldtw, ltr, ltrw
ab_kind ab_site, 22, sgdt, sgdtw, sgdtl, sgdtq, sidt, sidtw, sidtl, sidtq
ab_kind ab_site, 22, sldt, sldtw, sldtl, sldtq, str, strw, strl, strq
ab_kind ab_site, 23, lmsw, lmsww, smsw, smsww, smswl, smswq, clts
ab_kind ab_site, 24, lar, larw, larl, larq, lsl, lslw, lsll, lslq, verr, verrw, verw, verww
ab_kind ab_site, 24, lss, lssw, lssl, lssq, lfs, lfsw, lfsl, lfsq, lgs, lgsw, lgsl, lgsq
ab_kind ab_site, 25, ljmp, ljmpw, ljmpl, ljmpq, lcall, lcallw, lcalll, lcallq, lret, lretw, lretl, lretq
ab_kind ab_site, 26, int
ab_kind ab_site, 27, invlpg
ab_kind ab_site, 28, invpcid
ab_kind ab_site, 29, invd, wbinvd, wbnoinvd
ab_kind ab_prefixed, 30, swapgs
ab_kind ab_site, 31, sysret, sysretl, sysretq, sysexit, sysexitl, sysexitq, rsm
ab_kind ab_site, 32, xsetbv
ab_kind ab_site, 33, vmcall, vmlaunch, vmresume, vmxoff, vmxon, vmptrld, vmptrst, vmclear, vmfunc
ab_kind ab_site, 33, vmread, vmreadl, vmreadq, vmwrite, vmwritel, vmwriteq, invept, invvpid
ab_kind ab_site, 33, vmmcall, vmrun, vmload, vmsave, stgi, clgi, skinit, invlpga
ab_kind ab_site, 34, pause
ab_kind ab_site, 35, monitor, monitorx
ab_kind ab_site, 36, mwait, mwaitx

# Moves, pushes and pops are sensitive by their operands: a symbol named as the register holds the kind.
.irp ab_number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
.set ".Lab_from%cr\ab_number", 17
.set ".Lab_to%cr\ab_number", 18
.set ".Lab_from%dr\ab_number", 19
.set ".Lab_to%dr\ab_number", 20
.set ".Lab_from%db\ab_number", 19
.set ".Lab_to%db\ab_number", 20
.endr
.irp ab_name, cs,ds,es,fs,gs,ss
.set ".Lab_from%\ab_name", 24
.set ".Lab_to%\ab_name", 24
.endr

# A memory operand such as 8(%rax,%rbx,4) is taken apart at its commas, too: the last part counts.
.macro ab_operands ab_from, ab_to, ab_third, ab_last:vararg
.set .Lab_kind, 0
.ifdef ".Lab_from\ab_from"
.set .Lab_kind, ".Lab_from\ab_from"
.endif
.irp ab_part, \ab_to,\ab_third,\ab_last
.ifdef ".Lab_to\ab_part"
.set .Lab_kind, ".Lab_to\ab_part"
.endif
.endr
.endm

# Under .altmacro an argument that begins with % is an expression, and %1 arrives as 1: off meanwhile.
.macro ab_alternate ab_one
.ifc \ab_one,1
.set .Lab_alternate, 1
.else
.set .Lab_alternate, 0
.endif
.endm

.irp ab_name, mov, movw, movl, movq, push, pushw, pushl, pushq, pop, popw, popl, popq
.macro \ab_name ab_ops:vararg
ab_alternate %1
.noaltmacro
ab_operands \ab_ops
.if .Lab_alternate
.altmacro
.endif
.if .Lab_kind
ab_site .Lab_kind, \ab_name \ab_ops
.else
{nooptimize} \ab_name \ab_ops
.endif
.endm
.endr

# A prefix may be a statement of its own: `rep; nop` is PAUSE, `rep; outsb` one instruction.
.irp ab_name, rep, repe, repz
.macro \ab_name ab_next, ab_ops:vararg
9871:
9872:
.byte 0xf3
.set .Lab_rep, 1
.ifnb \ab_next
\ab_next \ab_ops
.set .Lab_rep, 0
.endif
.endm
.endr

.macro nop ab_ops:vararg
.if .Lab_rep
ab_site 34, nop \ab_ops
.else
{nooptimize} nop \ab_ops
.endif
.endm

# What else follows a prefix in a statement of its own.
.macro ab_plain ab_number:req, ab_insn:vararg
.set .Lab_rep, 0
{nooptimize} \ab_insn
.endm
ab_kind ab_plain, 0, movsb, movsw, movsl, movsq, stosb, stosw, stosl, stosq, lodsb, lodsw, lodsl, lodsq
ab_kind ab_plain, 0, scasb, scasw, scasl, scasq, cmpsb, cmpsw, cmpsl, cmpsq
ab_kind ab_plain, 0, bsf, bsfw, bsfl, bsfq, bsr, bsrw, bsrl, bsrq
