# SPDX-License-Identifier: Apache-2.0
# An operating system that is not Linux, prepared as docs/PREPARE.md says: this tree's own test guest.

import glob
import os
import subprocess

from assembled import AREA, ROOT, X86_64, Pack, afterburn

ATTACK = os.path.join(ROOT, "tests", "attack")
FLAGS = """-std=gnu17 -O2 -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only -mcmodel=small
    -fno-asynchronous-unwind-tables -fno-stack-protector -fcf-protection=none
    -fno-tree-loop-distribute-patterns""".split()
OTHERS = ("hostile", "service", "message", "neighbour")  # guests of their own


def build(folder, *assembler, area=True):
    """The guest, its sources compiled with these further words."""
    objects = []
    for source in sorted(glob.glob(os.path.join(ATTACK, "*.[cS]"))):
        name = os.path.basename(source)
        if not name.startswith(OTHERS):
            objects.append(str(folder / f"{name}.o"))
            subprocess.run(["gcc", *FLAGS, *assembler, "-c", "-o", objects[-1], source], check=True)
    if assembler and area:
        objects.append(str(folder / "area.o"))
        subprocess.run(["as", AREA, "-o", objects[-1]], check=True)
    subprocess.run(["ld", "-nostdlib", "-static", "-z", "noexecstack", "--no-warn-rwx-segments", "-T",
                    os.path.join(ATTACK, "guest.ld"), "-o", str(folder / "guest"), *objects], check=True)
    return folder / "guest"


def test_prepare_by_three_steps(tmp_path, record_property):
    """The prelude for each source, one object with room for a wedge, verify and pack: no source changes."""
    guest = build(tmp_path, f"-Wa,{X86_64}")
    status, out, err = afterburn("verify", guest)
    assert (status, err) == (0, "") and "100.00 %" in out
    record_property("seen", out.splitlines()[-2])
    status, out, err = afterburn("pack", "--guest", guest, "--output", tmp_path / "pack", "--name", "guest")
    assert (status, err) == (0, "")
    pack = Pack(tmp_path / "pack")
    assert pack.checksum == pack.true_checksum() and pack.text_area_size == 65536
    free = [site for site in pack.site_list() if not site[5] & 1]
    assert {7, 8, 12, 13} <= {site[4] for site in free}  # in, out, rdmsr, wrmsr


def test_without_the_steps(tmp_path):
    """What a new user may forget is said."""
    guest = build(tmp_path)
    status, _, err = afterburn("pack", "--guest", guest, "--output", tmp_path / "pack")
    assert status == 2 and "no records" in err and "assemble it with the prelude" in err
    status, _, err = afterburn("verify", guest)
    assert status == 2 and "no records" in err and "assemble it with the prelude" in err
    guest = build(tmp_path, f"-Wa,{X86_64}", area=False)
    status, _, err = afterburn("pack", "--guest", guest, "--output", tmp_path / "pack")
    assert status == 2 and "no room for a wedge" in err and "link an object of area.s" in err


def test_stripped(tmp_path):
    """What strip may take and what not; each message says how to strip."""
    guest, records = build(tmp_path, f"-Wa,{X86_64}"), "--keep-section=.debug_sfnames"
    for words, says in ((["--strip-debug", records], None), ([records], "no symbols"),
                        (["--strip-debug"], "no records"), ([], "no records")):
        stripped = tmp_path / "stripped"
        subprocess.run(["strip", *words, "-o", stripped, guest], check=True)
        status, _, err = afterburn("pack", "--guest", stripped, "--output", tmp_path / "pack")
        assert status == (2 if says else 0), err
        assert says is None or says in err and f"strip --strip-debug {records}" in err
    assert Pack(tmp_path / "pack").name == "stripped"
