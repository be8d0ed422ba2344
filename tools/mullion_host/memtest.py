# SPDX-License-Identifier: Apache-2.0
# memtest86+ from Debian's source, as it is and prepared for a wedge, under build/memtest/ and
# build/afterburn/. Nothing in its source is changed: what is ours comes in by make's variables.

import fcntl
import glob
import hashlib
import os
import shutil

from .compile import logged
from .steps import HostError
from .upstream import Upstream

SUITE = "trixie"  # memtest86+ 7.20
PRELUDES = os.path.join(os.path.dirname(__file__), "..", "..", "afterburn", "prelude")
BASE = 0x100000   # where its loaders place it; it is linked at 0
JOBS = 2
# Real mode, with fields at fixed places and sizes of whole sectors.
REAL_MODE = "boot/bootsect.o boot/setup.o boot/header.o boot/mbr.o"
AREA_IN = "app/main.o"  # any file but the first: the image begins with its entry
# No red zone: a stub writes below the stack pointer, as an interrupt would.
COMPILER = (f"gcc -mno-red-zone $(if $(filter {REAL_MODE},$@),,$(PRELUDE)) "
            f"$(if $(filter {AREA_IN},$@),$(AREA))")
RECORDS = "\t.debug_sfnames 0 : { KEEP(*(.debug_sfnames)) }\n"


class MemtestBuilder:
    """Brings build/memtest/memtest.bin (as it is), and build/afterburn/memtest.elf and memtest.bin."""

    def __init__(self, build, preludes=PRELUDES):
        self.root = os.path.join(os.path.abspath(build), "memtest")
        self.source = os.path.join(self.root, "source")
        self.prepared = os.path.join(os.path.abspath(build), "afterburn")
        self.upstream = Upstream(os.path.abspath(build), "memtest86+", SUITE, self.root)
        self.preludes = os.path.abspath(preludes)
        self.stock = os.path.join(self.root, "memtest.bin")
        self.image = os.path.join(self.prepared, "memtest.bin")
        self.elf = os.path.join(self.prepared, "memtest.elf")
        for path in (self.root, self.prepared):
            os.makedirs(path, exist_ok=True)

    def run(self, steps):
        """All of it that is not here yet; of two at once, the second waits and finds it here."""
        with open(os.path.join(self.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps.run("fetch memtest86+'s source", self.upstream.fetch)
            steps.run("build it as it is", self._build_stock)
            steps.run("build it prepared", self._build_prepared)

    def unpack(self, where):
        """The source, fresh, in a directory of this name."""
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        logged(["tar", "-xf", self.upstream.tarball(), "-C", where, "--strip-components=1"],
               os.path.join(self.root, "unpack.log"), {})

    def _build_stock(self):
        stamp = _digest(self.upstream.tarball())
        if _current(stamp, self.stock):
            return "built already", os.path.getsize(self.stock)
        self.unpack(self.source)
        shutil.copyfile(self._make("stock", self.source, []), self.stock)
        _write(f"{self.stock}.stamp", stamp)
        return "built", os.path.getsize(self.stock)

    def _variables(self):
        """What the prepared build says to make: the whole of the interposition."""
        prelude, area = (os.path.join(self.preludes, name) for name in ("x86-64.s", "area.s"))
        return [f"CC={COMPILER}", f"PRELUDE=-Wa,{prelude}", f"AREA=-Wa,{area}",
                f"MS_LDS={os.path.join(self.root, 'records.lds')}"]

    def _build_prepared(self):
        words = repr((self._variables(), RECORDS, BASE))
        stamp = hashlib.sha256(words.encode()).hexdigest() + _digest(
            self.upstream.tarball(), *glob.glob(os.path.join(self.preludes, "*.s")))
        if _current(stamp, self.elf) and os.path.exists(self.image):
            return "built already", os.path.getsize(self.elf)
        self.unpack(self.source)
        self._write_script()
        shutil.copyfile(self._make("prepared", self.source, self._variables()), self.image)
        self._write_elf(os.path.join(self.source, "build64", "memtest_shared"))
        _write(f"{self.elf}.stamp", stamp)
        return "built", os.path.getsize(self.elf)

    def _write_script(self):
        """Its linker script with one line more: it discards what it does not know."""
        path = os.path.join(self.source, "build64", "ldscripts", "memtest_shared.lds")
        with open(path, encoding="ascii") as text:
            lines = text.readlines()
        at = [i for i, line in enumerate(lines) if "/DISCARD/" in line]
        if len(at) != 1:
            raise HostError(f"{path} has {len(at)} lines with /DISCARD/, not one; this release of "
                            "memtest86+ needs another place for the records")
        lines.insert(at[0], RECORDS)
        _write(os.path.join(self.root, "records.lds"), "".join(lines))

    def _write_elf(self, linked):
        """The program at the addresses where it is loaded, with its 32-bit entry: its first byte."""
        logged(["objcopy", "--set-start=0", f"--change-addresses={BASE}", linked, self.elf + ".new"],
               os.path.join(self.root, "objcopy.log"), {})
        os.replace(self.elf + ".new", self.elf)

    def _make(self, name, source, variables):
        where = os.path.join(source, "build64")
        logged(["make", f"-j{JOBS}", "GIT=none", *variables, "memtest.bin"],
               os.path.join(self.root, f"{name}.log"), {}, cwd=where)
        return os.path.join(where, "memtest.bin")


def _digest(*paths):
    text = hashlib.sha256()
    for path in sorted(paths):
        with open(path, "rb") as data:
            text.update(data.read())
    return text.hexdigest()


def _current(stamp, path):
    """Was the file at PATH made from what STAMP says?"""
    if not os.path.exists(path) or not os.path.exists(f"{path}.stamp"):
        return False
    with open(f"{path}.stamp", encoding="ascii") as text:
        return text.read() == stamp


def _write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
