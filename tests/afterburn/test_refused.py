# SPDX-License-Identifier: Apache-2.0
# What the command `afterburn` refuses: wrong words, wrong files, files cut short and damaged.

import random
import re
import struct

from assembled import afterburn, assemble, make_guest


def test_wrong_inputs(tmp_path, guest):
    """Each message names the file, what is wrong and what to do; the exit status is 2."""
    text = tmp_path / "text"
    text.write_text("no ELF file")
    (tmp_path / "bare").mkdir()
    bare = make_guest(tmp_path / "bare", preludes=())
    cases = [
        (("report", tmp_path / "none"), "none: No such file"), (("verify", text), "not an ELF file; of Linux give"),
        (("report", bare), "no records .*assemble it with the prelude"), (("report", "/"), "/: "),
        (("pack", "--guest", bare, "--output", "x"), "no records .*assemble it with the prelude"),
        (("pack", "--guest", text, "--output", "x"), "not an ELF file"),
        (("pack", "--guest", tmp_path / "guest.o", "--output", "x"), "an object file; give the linked kernel"),
        (("pack", "--guest", guest), "pack needs --guest and --output"),
        (("pack", "--guest", guest, "--output", tmp_path / "no" / "x"), "No such file"),
        (("pack", "--guest", guest, "--output", "/dev/full"), "cannot be written"),
        (("pack", "--guest", guest, "--output", "x", "--name", 64 * "n"), "--name n+: longer than 63"),
        (("pack", "--guest", guest, "--output", "x", "--initrd", text / "y"), "Not a directory"),
        (("pack", "--guest", guest, "--output", "x", "--entry", "efi"), "--entry is pvh or linux32, not: efi"),
        (("pack", "--guest", guest, "--output", "x", "--shift", "2M"), "--shift takes a number of bytes, not: 2M"),
        (("pack", "--guests",), "pack does not take that"), (("fetch",), "no such command: fetch"), ((), "missing"),
        (("report",), "one file is needed by: report"),
        (("build-linux", "--build", tmp_path, "5.10"), "Linux 5.10 is not known here; known: 6.1, 6.12")]
    for words, says in cases:
        status, out, err = afterburn(*words)
        assert (status, out) == (1 if words[:1] == ("build-linux",) else 2, ""), (words, err)
        assert re.search(rf"(?m)^afterburn: .*{says}", err), (says, err)


def test_inputs_are_not_overwritten(tmp_path, guest):
    """--output must not be the kernel or the RAM disk, by whatever name."""
    disk, link, before = tmp_path / "disk", tmp_path / "link", guest.read_bytes()
    disk.write_bytes(b"disk")
    link.symlink_to(guest)
    for output, option in ((guest, "guest"), (link, "guest"), (disk, "initrd")):
        status, _, err = afterburn("pack", "--guest", guest, "--initrd", disk, "--output", output)
        assert status == 2 and f"is the file that --{option} names" in err
    assert guest.read_bytes() == before and disk.read_bytes() == b"disk"


def test_no_abbreviated_option_starts_a_build(tmp_path):
    """A slip in an option of build-linux is refused before anything is fetched or built."""
    status, _, err = afterburn("build-linux", "--build", tmp_path, "5.10", "--harden")
    assert status == 2 and "unrecognized arguments: --harden" in err


def test_guests_that_cannot_be_entered(tmp_path):
    """No PVH note, a foreign note, an area out of the segments, an exception table cut short."""
    for edit, says in [
            (lambda text: text.replace(",4,18", ",4,19"), "no PVH entry .*CONFIG_PVH=y"),
            (lambda text: text.replace('"Xen"', '"Nex"'), "no PVH entry"),
            (lambda text: text.replace(",plain-.,0", ",plain-."), "its exception table at .* is not whole")]:
        status, _, err = afterburn("pack", "--guest", make_guest(tmp_path, edit=edit), "--output", tmp_path / "x")
        assert status == 2 and re.search(says, err), err
    status, _, err = afterburn("report", __file__)
    assert status == 2 and "not an ELF file" in err


def test_segments_behind_the_end(tmp_path, guest):
    """A segment that the file does not hold, and one with more bytes than memory, are refused."""
    data = guest.read_bytes()
    for field, value in ((32, len(data) + 1), (8, len(data)), (40, 1)):  # size in the file, offset, in memory
        bad = bytearray(data)
        at = next(at for at in range(64, len(data), 56) if bad[at] == 1 and struct.unpack_from("<Q", bad, at + 32)[0])
        struct.pack_into("<Q", bad, at + field, value)
        guest.write_bytes(bad)
        status, _, err = afterburn("pack", "--guest", guest, "--output", tmp_path / "x")
        assert status == 2 and "a segment is behind its end; the file is cut short or damaged" in err


def test_other_formats_of_records(tmp_path):
    """Records that no prelude writes are refused: kind, size, mode, a section of odd size."""
    for field, value, says in [(".byte 5,0,2,11", ".byte 5,0,2,99", "has kind 99"),
                               (".byte 5,0,2,11", ".byte 5,4,2,11", "has kind 11, size 5, length 2"),
                               (".byte 0xff,0xc0", ".byte 1,2", "mode bytes 01 02"), (".byte 0,0", ".byte 0",
                                                                                      "not a multiple of 12")]:
        text = ('1: cpuid\n.byte 15,31,0\n.section .debug_sfnames,"",@progbits\n.long 1b-.\n.byte 5,0,2,11\n'
                ".byte 0xff,0xc0\n.byte 0,0\n")
        good = assemble(tmp_path, text, preludes=())
        assert afterburn("verify", good)[0] == 0
        status, _, err = afterburn("verify", assemble(tmp_path, text.replace(field, value), preludes=()))
        assert status == 2 and says in err and "build it again" in err


def test_files_cut_short(tmp_path, guest, record_property):
    """Of a file that ends anywhere, one line says so; no crash (the command runs with the sanitizers)."""
    data, cut = guest.read_bytes(), tmp_path / "cut"
    lengths = [*range(0, 256, 8), *range(256, len(data), len(data) // 60)]
    for length in lengths:
        cut.write_bytes(data[:length])
        status, _, err = afterburn("verify", cut)
        assert status == 2 and re.fullmatch(r"afterburn: [^\n]+\n", err), (length, err)
    record_property("seen", f"{len(lengths)} lengths of {len(data)} bytes")


def test_damaged_files(tmp_path, guest, record_property):
    """Whatever a header, a table or a record says, the command ends by itself and says why."""
    rng, seen = random.Random(7), {0: 0, 1: 0, 2: 0}
    data, bad = guest.read_bytes(), tmp_path / "bad"
    tables = struct.unpack_from("<Q", data, 40)[0]
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            first, end = rng.choice([(0, 64), (64, 64 + 5 * 56), (tables, len(data)), (tables - 3000, tables)])
            changed[rng.randrange(first, end)] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
        bad.write_bytes(changed)
        for words in (("verify", bad), ("report", bad), ("pack", "--guest", bad, "--output", tmp_path / "x")):
            status, _, err = afterburn(*words)
            assert status in seen and "Sanitizer" not in err and "runtime error" not in err, err
            assert (status == 0) == (err == ""), err
            seen[status] += 1
    assert seen[2] > 0 and seen[0] > 0
    record_property("seen", f"450 runs: {seen[0]} accepted, {seen[1]} not verified, {seen[2]} refused")
