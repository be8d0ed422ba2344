# SPDX-License-Identifier: Apache-2.0
# Bochs with VT-x, built from Debian's source under build/bochs/, and the ROMs that it starts.

import fcntl
import glob
import hashlib
import os
import shutil

from .apt import unpack
from .compile import logged
from .steps import HostError
from .upstream import Upstream

SUITE = "trixie"  # Bochs 3.0; Debian's own package of it is built without VT-x
CONFIGURE = ["--enable-smp", "--enable-x86-64", "--enable-vmx=2", "--enable-svm",
             "--enable-cpu-level=6", "--enable-repeat-speedups", "--enable-fast-function-calls",
             "--enable-handlers-chaining", "--enable-avx", "--enable-evex", "--enable-pci",
             "--enable-e1000", "--with-nogui", "--with-term"]
FLAGS = {"CFLAGS": "-O2", "CXXFLAGS": "-O2"}
ROMS = {"BIOS-bochs-latest": "bochsbios", "vgabios-stdvga.bin": "seabios"}  # file -> package
JOBS = 2
OBJECTS = 400  # about so many files are compiled; for the progress


class BochsBuilder:
    """Brings build/bochs/bochs and the ROMs beside it."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.root = os.path.join(self.build, "bochs")
        self.source = os.path.join(self.root, "source")
        self.program = os.path.join(self.root, "bochs")
        self.upstream = Upstream(self.build, "bochs", SUITE, self.root)
        os.makedirs(self.root, exist_ok=True)

    def run(self, steps):
        """All of it that is not here yet; of two at once, the second waits and finds it here."""
        with open(os.path.join(self.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps.run("fetch Bochs' source", self.upstream.fetch)
            steps.run("fetch its ROMs", self._roms)
            steps.run("unpack and configure", self._configure)
            steps.run("build Bochs", lambda: self._make(steps.note))

    def _roms(self):
        missing = [name for name in ROMS if not os.path.exists(os.path.join(self.root, name))]
        if missing:
            apt = self.upstream.apt()
        for name in missing:
            where = os.path.join(self.root, "unpacked", ROMS[name])
            deb = apt.download(ROMS[name])
            unpack(deb, where)
            found = glob.glob(os.path.join(where, "**", name), recursive=True)
            if not found:
                raise HostError(f"{deb} has no {name} in it; delete it and run this again")
            shutil.copyfile(found[0], os.path.join(self.root, name))
        shutil.rmtree(os.path.join(self.root, "unpacked"), ignore_errors=True)
        return ", ".join(ROMS) + ("" if missing else ", here already"), None

    def _stamp(self, of):
        """What decides whether it is here already: the source, how it is built, and OF what."""
        text = hashlib.sha256(repr((CONFIGURE, FLAGS, of)).encode())
        with open(self.upstream.tarball(), "rb") as data:
            text.update(data.read())
        return text.hexdigest()

    def _has(self, of):
        return _read(os.path.join(self.root, f"{of}.stamp")) == self._stamp(of)

    def _done(self, of):
        with open(os.path.join(self.root, f"{of}.stamp"), "w", encoding="ascii") as out:
            out.write(self._stamp(of))

    def _built(self):
        return self._has("make") and os.path.exists(self.program)

    def _configure(self):
        if self._built() or (self._has("configure") and os.path.isdir(self.source)):
            return "done already", None
        shutil.rmtree(self.source, ignore_errors=True)
        os.makedirs(self.source)
        self._call("unpack", ["tar", "-xf", self.upstream.tarball(), "-C", self.source,
                              "--strip-components=1"])
        self._call("configure", ["./configure", *CONFIGURE], cwd=self.source)
        self._done("configure")
        return f"{len(CONFIGURE)} options", None

    def _make(self, note):
        if self._built():
            return "built already", os.path.getsize(self.program)
        self._call("make", ["make", f"-j{JOBS}", "bochs"], note, cwd=self.source)
        made = os.path.join(self.source, "bochs")
        self._call("strip", ["strip", "-o", self.program, made])
        self._done("make")
        shutil.rmtree(self.source)  # what is left of the build is larger than all it is for
        return "built", os.path.getsize(self.program)

    def _call(self, name, command, note=None, cwd=None):
        """Runs it, its words in NAME.log; says now and then how many files are compiled."""
        logged(command, os.path.join(self.root, f"{name}.log"), FLAGS, cwd, note,
               (" -c ", OBJECTS, 50))


def _read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="ascii") as text:
        return text.read()
