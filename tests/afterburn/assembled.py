# SPDX-License-Identifier: Apache-2.0
# Small ELF files assembled with the preludes, the command `afterburn`, and what a pack says.

import os
import struct
import subprocess
import zlib

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
AFTERBURN = os.environ.get("AFTERBURN", os.path.join(BUILD, "afterburn", "afterburn-checked"))
PRELUDE = os.path.join(ROOT, "afterburn", "prelude")
X86_64, I386, AREA = (os.path.join(PRELUDE, name) for name in ("x86-64.s", "i386.s", "area.s"))
BASE = 0x100000
HEADER = struct.Struct("<8sIIQIIQqQQQQQQ10Q64s")
FIELDS = """magic version header_size size checksum entry_kind entry link_offset text_area text_area_size
    data_area data_area_size ex_table ex_table_size""".split()
RANGES = "segments sites symbols initrd cmdline".split()


def afterburn(*words):
    """(status, output, errors) of the command."""
    done = subprocess.run([AFTERBURN, *map(str, words)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # it may end anywhere
    return done.returncode, done.stdout, done.stderr


def assemble(folder, text, *flags, preludes=(X86_64,), name="code"):
    """The object file of an assembler text with these preludes in front."""
    source, target = folder / f"{name}.s", folder / f"{name}.o"
    source.write_text(text + "\n")
    subprocess.run(["as", *flags, *map(str, preludes), str(source), "-o", str(target)], check=True)
    return target


def link(folder, *objects, flags=(), name="guest"):
    """The linked file."""
    target = folder / name
    subprocess.run(["ld", "-e", "0x100000", *flags, "-o", str(target), *map(str, objects)], check=True)
    return target


def contents(path, section=".text"):
    """The bytes of a section of an object file."""
    raw = str(path) + ".bin"
    subprocess.run(["objcopy", "-O", "binary", "-j", section, "--set-section-flags", f"{section}=alloc",
                    str(path), raw], check=True)
    with open(raw, "rb") as data:
        return data.read()


def records(path):
    """(size, before, length, kind, mode bytes) of each record; sites are in the order of the code."""
    raw = contents(path, ".debug_sfnames")
    return [struct.unpack_from("<4xBBBB2s2x", raw, at) for at in range(0, len(raw), 12)]


class Pack:
    """What a file written by `afterburn pack` says."""

    def __init__(self, path):
        self.bytes = path.read_bytes()
        values = HEADER.unpack_from(self.bytes)
        for field, value in zip(FIELDS, values):
            setattr(self, field, value)
        for i, name in enumerate(RANGES):
            offset, size = values[len(FIELDS) + 2 * i:len(FIELDS) + 2 * i + 2]
            setattr(self, name, self.bytes[offset:offset + size])
            setattr(self, name + "_offset", offset)
        self.name = values[-1].rstrip(b"\0").decode()

    def true_checksum(self):
        """Of the whole pack with the field 0."""
        at = 24
        return zlib.crc32(self.bytes[:at] + bytes(4) + self.bytes[at + 4:])

    def table(self, name, layout):
        """The entries of one of its tables."""
        return list(struct.iter_unpack(layout, getattr(self, name)))

    def site_list(self):
        """(physical, size, before, length, kind, flags, reason) of each site."""
        return [site[:7] for site in self.table("sites", "<QBBBBBBH")]


def make_guest(folder, *defines, preludes=(X86_64, AREA), edit=lambda text: text, flags=()):
    """The small guest, its source edited."""
    with open(os.path.join(ROOT, "tests", "afterburn", "guest.s"), encoding="ascii") as text:
        made = assemble(folder, edit(text.read()), *defines, preludes=preludes, name="guest")
    return link(folder, made, flags=[f"-Ttext={BASE:#x}", "-z", "max-page-size=4096", *flags])


def pack(folder, guest, *words):
    """The pack of a guest."""
    status, out, err = afterburn("pack", "--guest", guest, "--output", folder / "pack", *words)
    assert (status, err) == (0, ""), err
    return Pack(folder / "pack"), out
