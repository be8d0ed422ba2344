# SPDX-License-Identifier: Apache-2.0
# The preludes: every sensitive instruction is recorded and padded, no encoding changes, nothing else is touched.

import re

import pytest
from assembled import AREA, I386, X86_64, afterburn, assemble, contents, records

# Kind (include/mullion/afterburn.h) and instructions of it, as sources write them.
SENSITIVE = {
    1: ["cli"], 2: ["sti"], 3: ["pushf", "pushfq", "pushfw"], 4: ["popf", "popfq"], 5: ["iretq", "iretl"],
    6: ["hlt"], 7: ["in (%dx),%al", "inb $0x60,%al", "inl %dx,%eax", "inw %dx,%ax"],
    8: ["outb %al,$0x80", "outl %eax,%dx", "out %ax,(%dx)"],
    9: ["insb", "insl", "rep insb", "rep; insw", "rep ; insl"], 10: ["outsb", "outsl", "rep; outsw", "rep outsb"],
    11: ["cpuid"], 12: ["rdmsr"], 13: ["wrmsr"], 14: ["rdtsc"], 15: ["rdtscp"], 16: ["rdpmc"],
    17: ["mov %cr0,%rax", "movq %cr3, %r15", "mov %cr8,%rdi"], 18: ["mov %rax,%cr4", "movq %r9,%cr2"],
    19: ["mov %db7,%rax", "mov %dr0,%rcx"], 20: ["mov %rdx,%db6", "movq %rax,%dr7"],
    21: ["lgdt (%rdi)", "lidt table(%rip)", "lldt %ax", "ltrw %ax"],
    22: ["sgdt (%rdi)", "sidt 8(%rsp)", "sldt %ax", "str %ax"], 23: ["lmsw %ax", "smsw %ax", "clts"],
    24: ["lar %ax,%eax", "lsl %cx,%edx", "verr %ax", "verw table(%rip)", "mov %fs,%eax", "movl %eax,%ds",
         "movw %ax,%gs", "push %fs", "popq %gs", "lss (%rax),%ebx", "mov %ss,(%rdi)", "mov (%rax,%rbx,4),%es"],
    25: ["ljmp *(%rdi)", "lcall *(%rax,%rbx,8)", "lretq", "lret $8"], 26: ["int $0x80"],
    27: ["invlpg (%rdi)"], 28: ["invpcid (%rdi),%rax"], 29: ["wbinvd", "invd"], 30: ["swapgs"],
    31: ["sysretq", "sysretl", "sysexit"], 32: ["xsetbv"],
    33: ["vmcall", "vmmcall", "rep; vmmcall", "vmrun", "vmread %rax,%rbx", "vmwrite %rax,%rbx", "invept (%rdi),%rax",
         "stgi", "clgi", "vmptrld (%rdi)"],
    34: ["pause", "rep; nop", "rep nop", "rep;nop", "REP ; NOP"], 35: ["monitor"], 36: ["mwait"],
}
ALL = [(kind, text) for kind, texts in SENSITIVE.items() for text in texts]
HARMLESS = ["mov %rax,%rbx", "movq $sym, 8 + 4 (%rsp)", "mov $ 1 + 2, %eax", "movl (%rax,%rbx,4), %ecx", "push %rax",
            "pushq $sym", "pop (%rdi)", "nop", "rep; movsb", "rep movsq", "rep ; stosq", "rep; bsf %rax,%rcx",
            "repe; cmpsb", "repz; scasb", "rep ret", "movsb %al,%ecx", "mov cr0,%rax", "mov %fs:8,%rax", "ud2",
            "int3", "nopw 8(%rax)", "mov $'%',%al"]


def encoding(folder, text, *flags):
    """What the assembler makes of it by itself."""
    return contents(assemble(folder, text, *flags, preludes=(), name="alone"))


def is_nops(data):
    """NOPs of one to four bytes that are the same in each mode."""
    return re.fullmatch(rb"(\x0f\x1f\x40\0)*(\x0f\x1f\0|\x66\x90|\x90)?", data, re.S) is not None


LED = {"cli", "sti", "pushf", "pushfq", "popf", "popfq", "swapgs"}  # padded by up to four prefixes


def check_site(data, record, plain, kind, least):
    """One site: the instruction as it was, padded on the right side."""
    size, before, length, got, mode = record
    assert (got, length, mode) == (kind, len(plain), b"\xff\xc0")
    assert size == len(data) == max(least, len(plain)) and data[before:before + length] == plain
    assert is_nops(data[:before]) and is_nops(data[before + length:])
    assert before == (size - length if kind == 2 else 0)


@pytest.mark.parametrize("least", [5, 8, 16])
def test_every_instruction(tmp_path, record_property, least):
    """Each kind in its spellings: encoded as without the prelude, padded, recorded with its kind."""
    flags = [] if least == 5 else ["--defsym", f"afterburn_min={least}"]
    for kind, text in ALL:
        made = assemble(tmp_path, text, *flags)
        (record,) = records(made)
        plain = encoding(tmp_path, text)
        lead = b"\x3e" * min(least - len(plain), 4) if text in LED else b""
        check_site(contents(made), record, lead + plain, kind, least)
    record_property("seen", f"{len(ALL)} instructions of {len(SENSITIVE)} kinds, at least {least} bytes each")


def test_verified_together(tmp_path, record_property):
    """All of them in one file, each verified by the disassembly, none left out."""
    made = assemble(tmp_path, "\n".join(text for _, text in ALL))
    status, out, err = afterburn("verify", made)
    assert (status, err) == (0, ""), out
    apart = sum(len(SENSITIVE[kind]) for kind in (34, 35, 36))
    assert f"coverage: {len(ALL) - apart} of {len(ALL) - apart} sensitive instructions" in out
    assert "pause 5 of 5; monitor 1 of 1; mwait 1 of 1" in out
    record_property("seen", out.splitlines()[-2])


def test_nothing_else_is_touched(tmp_path):
    """What is not sensitive is assembled byte for byte as without the prelude; nothing is recorded."""
    for text in HARMLESS:
        made = assemble(tmp_path, text)
        assert contents(made) == encoding(tmp_path, text), text
    made = assemble(tmp_path, "\n".join(HARMLESS))
    assert b".debug_sfnames" not in made.read_bytes()
    assert contents(made) == encoding(tmp_path, "\n".join(HARMLESS))


def test_labels_and_macros_of_the_source(tmp_path):
    """Numeric labels, macros, pushsections and .if of the source keep their meaning."""
    text = ("1:\n.macro both\ncli\nsti\n.endm\nboth\njmp 1b\njmp 2f\nhlt\n2: wrmsr\n.pushsection .data\n"
            ".long 2b-1b\n.popsection\n")
    made = assemble(tmp_path, text)
    assert [record[3] for record in records(made)] == [1, 2, 6, 13]
    assert contents(made, ".data") == bytes([5 + 5 + 2 + 2 + 5, 0, 0, 0])


def test_alternate_macro_syntax(tmp_path):
    """Sources that switch gas to .altmacro are prepared as others are, and stay switched."""
    body = "\n".join([text for _, text in ALL] + [text for text in HARMLESS if "REP" not in text])
    plain, alternate = (assemble(tmp_path, f"{mode}\n{body}", name=mode[1:]) for mode in (".noaltmacro", ".altmacro"))
    assert contents(alternate) == contents(plain) and records(alternate) == records(plain)
    text = ".altmacro\n.macro m a\n.byte a\n.endm\nmov %rax,%rbx\npush %rax\ncli\nm %2+3\nret"
    assert contents(assemble(tmp_path, text)).endswith(b"\x05\xc3")


def test_three_modes(tmp_path):
    """The record says in which mode the code is; padding is the same instructions in each of them."""
    made = assemble(tmp_path, "cpuid\nhlt\n.code32\ncpuid\n.code16\ncpuid")
    assert [record[4] for record in records(made)] == [b"\xff\xc0", b"\xff\xc0", b"\x40\0", b"\x66\x40"]
    assert contents(made) == (b"\x0f\xa2\x0f\x1f\0" + b"\xf4\x0f\x1f\x40\0" + 2 * b"\x0f\xa2\x0f\x1f\0")
    status, out, _ = afterburn("report", made)
    assert status == 0 and re.search(r"64-bit +2\n +32-bit +1\n +16-bit +1\n", out)
    assert re.search(r"32- or 16-bit code +2\n", out)


def test_32_bit_objects(tmp_path):
    """The same prelude serves 32-bit sources; a second one has what 64-bit code lacks."""
    text = "cli\nsti\nlds (%eax),%ecx\nles (%eax),%ecx\npopl %ds\nmov %eax,%cr0\nrep; nop\niret\nljmp $8,$0"
    made = assemble(tmp_path, text, "--32", preludes=(X86_64, I386))
    assert [record[3] for record in records(made)] == [1, 2, 24, 24, 24, 18, 34, 5, 25]
    assert {record[4] for record in records(made)} == {b"\x40\0"}
    status, out, err = afterburn("verify", made)
    assert (status, err) == (0, "") and "coverage: 8 of 8" in out


@pytest.mark.parametrize("wrong, kind", [(("ab_shadow, 2, sti", "ab_site, 2, sti"), "sti"),
                                         (("ab_site, 6, hlt", "ab_shadow, 6, hlt"), "hlt")])
def test_padding_on_the_wrong_side_is_caught(tmp_path, wrong, kind):
    """No boot shows a NOP in the shadow of sti; verify does, from the bytes."""
    with open(X86_64, encoding="ascii") as text:
        good = text.read()
    assert good.count(wrong[0]) == 1
    broken = tmp_path / "broken.s"
    broken.write_text(good.replace(*wrong))
    made = assemble(tmp_path, "sti\nhlt\ncli", "--defsym", "afterburn_min=8", preludes=(broken,))
    status, out, err = afterburn("verify", made)
    assert status == 1 and f"padding on the wrong side of {kind} at" in out
    assert re.fullmatch(r"afterburn: .*code\.o: padding is on the wrong side of an instruction: .*\n", err)


def test_the_area(tmp_path):
    """Room for a wedge: 64 KiB of traps in the text, 48 KiB of zeroes in the data, at page boundaries."""
    made = assemble(tmp_path, "nop", preludes=(X86_64, AREA))
    text, data = contents(made), contents(made, ".data")
    assert text == bytes([0xcc]) * 65536 + b"\x90" and data == bytes(49152)
