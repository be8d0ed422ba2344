# SPDX-License-Identifier: Apache-2.0
# `afterburn report, verify, pack` on small files: what they find.

import os
import re

import pytest
from assembled import BASE, ROOT, afterburn, assemble, link, make_guest, pack

# enum afterburn_reason and enum afterburn_site_flags
REASONS = {"SECTION": 1, "TEMPLATE": 2, "MODE": 3, "ENTRY": 4, "RIP": 5, "MOVED": 6, "SMALL": 9, "FAR": 10}
EXCLUDED, NO_STACK, IN_TABLE = 1, 2, 4


def test_pack_of_a_guest(tmp_path, guest):
    """The header, segments, initial RAM disk and command line are where it says; the checksum is zlib's."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(range(256)) * 33)
    made, out = pack(tmp_path, guest, "--initrd", disk, "--cmdline", "console=hvc0 x", "--name", "small")
    assert (made.magic, made.version, made.header_size) == (b"AFTRBURN", 1, 240)
    assert made.size == len(made.bytes) and made.checksum == made.true_checksum()
    assert (made.name, made.cmdline, made.initrd) == ("small", b"console=hvc0 x", disk.read_bytes())
    assert made.initrd_offset % 4096 == 0 and made.link_offset == 0 and made.entry_kind == 0
    assert made.text_area == BASE and made.text_area_size == 65536 and made.data_area_size == 49152
    segments = made.table("segments", "<4Q")
    loaded = {physical: made.bytes[offset:offset + size] for physical, offset, size, _ in segments}
    assert all(size <= room for _, _, size, room in segments)
    assert loaded[BASE][:65536] == bytes([0xcc]) * 65536
    assert any(start <= made.entry < start + len(data) and data[made.entry - start:][:5] == b"\x3e\x3e\x3e\x3e\xfa"
               for start, data in loaded.items())
    assert f"{made.size} bytes, checksum {made.checksum:08x}" in out


def test_each_exclusion(tmp_path, guest):
    """Each site that must stay as it is has its reason, and the others have none."""
    made, _ = pack(tmp_path, guest)
    sites = made.site_list()
    assert [site[0] for site in sites] == sorted(site[0] for site in sites)
    found = {(site[4], site[6], site[5]) for site in sites}
    assert found == {
        (11, 0, NO_STACK), (12, 0, IN_TABLE), (8, 0, 0), (2, 0, 0), (6, 0, 0),
        (1, REASONS["MODE"], EXCLUDED), (25, REASONS["MODE"], EXCLUDED),
        (21, REASONS["RIP"], EXCLUDED), (18, REASONS["MOVED"], EXCLUDED), (30, REASONS["ENTRY"], EXCLUDED),
        (15, REASONS["TEMPLATE"], EXCLUDED), (1, REASONS["SECTION"], EXCLUDED)}
    status, out, _ = afterburn("report", guest)
    assert status == 0 and "stay as they are: 7" in out and "12 sites of" in out
    for words in ("a template that is copied elsewhere", "32- or 16-bit code", "an operand relative to RIP",
                  "not in an executable section", "in .entry.text", "code that is copied before it runs"):
        assert re.search(rf"^  {re.escape(words)}.* 1$|^  {re.escape(words)}.* 2$", out, re.M), words


def test_sites_too_small_or_far(tmp_path):
    """A site shorter than a jump, and one out of a jump's reach, stay as they are."""
    small, _ = pack(tmp_path, make_guest(tmp_path, "--defsym", "afterburn_min=4"))
    assert {site[6] for site in small.site_list() if site[4] in (8, 11, 12, 6)} == {REASONS["SMALL"]}
    far = make_guest(tmp_path, edit=lambda text: text.replace(
        ".text\n", '.section .distant,"ax"\ncpuid\n.text\n', 1), flags=["--section-start=.distant=0xffffffff90000000"])
    made, _ = pack(tmp_path, far)
    assert [site[6] for site in made.site_list() if site[0] == 0xffffffff90000000] == [REASONS["FAR"]]


def test_sites_rise_whatever_the_sections_do(tmp_path):
    """Sites are sorted by physical address, in whatever order the file has its sections and segments."""
    text = "x: hlt\n.globl afterburn_text,afterburn_text_end,afterburn_data,afterburn_data_end\nafterburn_text:" \
        ".skip 16\nafterburn_text_end:\n.data\nafterburn_data: .skip 16\nafterburn_data_end:\n" \
        '.section .first,"ax"\ncpuid\n'
    script = tmp_path / "script"
    script.write_text("PHDRS { a PT_LOAD; b PT_LOAD; } SECTIONS { .text 0x300000 : AT(0x900000) { *(.text) } :a "
                      ".data : { *(.data) } :a .first 0x600000 : AT(0x200000) { *(.first) } :b }")
    made, _ = pack(tmp_path, link(tmp_path, assemble(tmp_path, text), flags=["-T", str(script), "-e", "0x300000"]),
                   "--entry", "linux32", "--shift", "0")
    assert [(site[0], site[4]) for site in made.site_list()] == [(0x200000, 11), (0x900000, 6)]


def test_vdso_is_left_alone(tmp_path):
    """What user space runs is never patched."""
    made = link(tmp_path, assemble(tmp_path, ".globl __vdso_gettimeofday\n__vdso_gettimeofday: rdtscp\nret"),
                flags=["-shared"])
    status, out, _ = afterburn("report", made)
    assert status == 0 and re.search(r"in the vDSO, which user space runs +1$", out, re.M)


@pytest.mark.parametrize("code, skip, prologue", [
    ("endbr64\ncall plain\npush %rbp\nmov %rsp,%rbp\nsub $8,%rsp\nret", 9, 8),
    (".byte 0x0f,0x1f,0x44,0,0\nmov $5,%eax\nret", 5, 5),
    ("push %rbp\nmov %rsp,%rbp\npush %rbx\nret", 0, 5),
    ("mov table(%rip),%rax\nret", 0, 0), ("push %rbp\ncall plain\nret", 0, 0), ("ret", 0, 0),
    ("push %rbp\n1: mov %rsp,%rbp\nsub $8,%rsp\ndec %eax\njnz 1b\nret", 0, 0),
    ("push %rbp\nmov %rsp,%rbp\njmp plain", 0, 0), ("mov %gs:0x28,%rax\nret", 0, 9)])
def test_prologue_of_a_hook(tmp_path, code, skip, prologue):
    """Only whole instructions that can run elsewhere, and into which nothing jumps, may be moved."""
    guest = make_guest(tmp_path, edit=lambda text: re.sub(
        r"(?s)(\nmodule_finalize:\n).*?(\.size module_finalize)", lambda m: m[1] + code + "\n" + m[2], text))
    made, _ = pack(tmp_path, guest)
    (found,) = [entry for entry in made.table("symbols", "<IIQII") if entry[0] == 1]
    assert (found[1], found[3], found[4]) == (0, skip, prologue)


def test_names_of_a_guest(tmp_path, guest):
    """A variable has its address and size; names that the guest lacks are not there."""
    made, _ = pack(tmp_path, guest)
    names = {entry[0]: entry for entry in made.table("symbols", "<IIQII")}
    assert set(names) == {1, 4} and names[4][1] == 16
    assert BASE <= names[1][2] < names[4][2]


def test_shift_and_the_other_entry(tmp_path, guest):
    """A guest that is loaded elsewhere than its file says; one without a PVH note, entered at its start."""
    plain, _ = pack(tmp_path, guest)
    moved, _ = pack(tmp_path, guest, "--shift", "0x200000", "--entry", "linux32")
    assert moved.entry_kind == 1 and moved.entry == BASE + 0x200000
    assert moved.link_offset == -0x200000 and moved.text_area == plain.text_area + 0x200000
    assert [site[0] - 0x200000 for site in moved.site_list()] == [site[0] for site in plain.site_list()]
    assert [s[0] - 0x200000 for s in moved.table("segments", "<4Q")] == [s[0] for s in plain.table("segments", "<4Q")]


def test_unrecorded_instructions_are_listed(tmp_path):
    """What did not go through the prelude is listed with its address and symbol; too much of it is an error."""
    made = assemble(tmp_path, ".globl f\nf: cpuid\n.byte 0xfa\nmov 0xfa,%al\nret")
    status, out, err = afterburn("verify", made)
    assert status == 1 and "not recorded: cli at 0x5 f+0x5 (.text)" in out
    assert "coverage: 1 of 2 sensitive instructions are recorded, 50.00 %" in out
    assert err.count("\n") == 1 and "less than 99 % is recorded" in err
    made = assemble(tmp_path, 199 * "cpuid\n" + ".byte 0xfa,0x0f,0x01,0xc8")
    status, out, err = afterburn("verify", made)
    assert (status, err) == (0, "") and "coverage: 199 of 200" in out and "monitor 0 of 1" in out


def test_data_in_text(tmp_path):
    """Variables in an executable section are no code, and hide none behind them."""
    made = assemble(tmp_path, "f: cpuid\n.type v,@object\nv: .quad 0xfafafafafafafafa\n.size v,8\ng: hlt\nret\n"
                              "h: .byte 0x48\nk: cli\n")
    status, out, err = afterburn("verify", made)
    assert (status, err) == (0, "") and "coverage: 3 of 3" in out


@pytest.mark.parametrize("at, says", [(0, "another instruction is there"), (1, "another instruction is there"),
                                      (3, "its padding is not NOPs")])
def test_records_of_what_is_not_there(tmp_path, at, says):
    """Bytes of a site that are not what is recorded are found; so is an instruction of another length."""
    made = assemble(tmp_path, "cpuid\nret")
    data = bytearray(made.read_bytes())
    place = data.index(b"\x0f\xa2\x0f\x1f\0")
    data[place + at] = 0x90 if at != 3 else 0x0b
    made.write_bytes(data)
    status, out, err = afterburn("verify", made)
    assert status == 1 and f"recorded as cpuid, but {says}: 0x0 " in out
    assert "records name what is not there" in err
    text = '1: cpuid\n.byte 15,31,0\n.section .debug_sfnames,"",@progbits\n.long 1b-.\n.byte 5,0,3,11\n' \
        ".byte 0xff,0xc0\n.byte 0,0\n"
    status, out, _ = afterburn("verify", assemble(tmp_path, text, preludes=(), name="longer"))
    assert status == 1 and "another instruction is there" in out


def test_a_wrong_record_is_not_packed(tmp_path, guest):
    """What verify would find ends pack, too: a wedge would write over something else."""
    data = bytearray(guest.read_bytes())
    data[data.index(b"\x0f\x32\x0f\x1f\0")] = 0x90
    guest.write_bytes(data)
    status, _, err = afterburn("pack", "--guest", guest, "--output", tmp_path / "pack")
    assert status == 2 and "recorded as rdmsr at 0x11" in err and "another instruction is there" in err
    assert not (tmp_path / "pack").exists()


def test_what_the_linker_leaves_out(tmp_path):
    """A record whose code was discarded is no site."""
    made = assemble(tmp_path, '.globl _start\n_start: cpuid\n.section .dropped,"ax"\ncli\n')
    linked = link(tmp_path, made, flags=["--gc-sections", "-e", "_start"])
    status, out, _ = afterburn("report", linked)
    assert status == 0 and "1 sites of 5 bytes, 3 of them padding" in out
    assert "1 records of code that is not in it" in out


def test_help_and_manual(tmp_path):
    """The help and the manual page name the same commands, options and exit statuses."""
    status, out, err = afterburn("--help")
    assert (status, err) == (0, "") and max(map(len, out.splitlines())) <= 100
    assert all(afterburn(command, "--help") == (0, out, "") for command in ("report", "verify", "pack"))
    usage, told = out.split("\n\n", 1)
    commands, options = set(re.findall(r"afterburn ([a-z-]+)", usage)), set(re.findall(r"--[a-z]+", usage))
    commands -= {"--help"}
    assert commands == set(re.findall(r"^([a-z-]+)  ", told, re.M)) == {"report", "verify", "pack", "build-linux"}
    with open(os.path.join(ROOT, "docs", "afterburn.1"), encoding="utf-8") as file:
        manual = file.read()
    synopsis, description = manual.split(".Sh SYNOPSIS")[1].split(".Sh DESCRIPTION")
    for part in (synopsis, description):
        assert {"-" + name for name in re.findall(r"Fl (-[a-z]+)", part)} == options
    assert set(re.findall(r"^\.Cm ([a-z-]+)", synopsis, re.M)) == commands
    assert set(re.findall(r"^\.It Cm ([a-z-]+)", description, re.M)) == commands
    statuses = set(re.findall(r"\b(\d) ", told.split("Exit status:")[1]))
    assert statuses == set(re.findall(r"^\.It (\d)", manual.split(".Sh EXIT STATUS")[1], re.M)) == {"0", "1", "2"}
