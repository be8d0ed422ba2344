# SPDX-License-Identifier: Apache-2.0
# Builds Linux from Debian's source with the preludes: vmlinux, its modules, configuration and map.

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess

from .linux_source import NAMES, LinuxSource
from .packages import KERNELS
from .prepared_config import wanted
from .steps import HostError

JOBS = 2
OBJECTS = {False: 1300, True: 2100}  # about so many files are compiled; for the progress
HERE = os.path.dirname(os.path.abspath(__file__))
PRELUDE = os.path.normpath(os.path.join(HERE, "..", "..", "afterburn", "prelude"))


class PreparedLinux:
    """One kernel: series 6.1 or 6.12, small or hardened; plain: the same without the preludes."""

    def __init__(self, build, series, hardened=False, plain=False, output=None):
        if series not in KERNELS:
            raise HostError(f"Linux {series} is not known here; known: {', '.join(KERNELS)}")
        self.series, self.hardened, self.plain = series, hardened, plain
        name = f"linux-{series}" + ("-hardened" if hardened else "") + ("-plain" if plain else "")
        self.root = os.path.join(os.path.abspath(build), "afterburn")
        self.output = os.path.abspath(output) if output else os.path.join(self.root, name)
        self.linux = LinuxSource(build, series, self.output, OBJECTS[hardened])
        self.source = os.path.join(self.root, f"source-{series}", self.linux.package)
        self.objects = os.path.join(self.root, f"objects-{name}")
        os.makedirs(self.output, exist_ok=True)

    def run(self, steps):
        """All of it that is not here yet; of two at once, the second waits and finds it here."""
        with open(os.path.join(self.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps.run("fetch Linux's source", self.linux.fetch)
            if self._built():
                os.utime(self._made("vmlinux"))  # for make: it is up to date with the lists
                steps.run("build Linux", lambda: (f"{self.output}/vmlinux, here already",
                                                  os.path.getsize(self._made("vmlinux"))))
                return
            steps.run("unpack it", self._unpack)
            steps.run("configure", self._configure)
            steps.run("build Linux", lambda: self._make(steps.note))
            steps.run("compare its source", self._compare)
            steps.run("keep the results", self._keep)

    def _made(self, name):
        return os.path.join(self.output, name)

    def _preludes(self):
        return [os.path.join(PRELUDE, name) for name in ("x86-64.s", "area.s")]

    def _stamp(self):
        """What decides whether it is here already."""
        parts = [repr((self.linux.version, wanted(self.series, self.hardened), self.plain, NAMES))]
        for path in self._preludes():
            with open(path, encoding="ascii") as text:
                parts.append(text.read())
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def _built(self):
        try:
            with open(self._made("stamp"), encoding="ascii") as stamp:
                return stamp.read() == self._stamp() and os.path.exists(self._made("vmlinux"))
        except FileNotFoundError:
            return False

    def _unpack(self):
        ready = self.source + ".version"
        if os.path.exists(ready):
            with open(ready, encoding="ascii") as text:
                if text.read() == self.linux.version:
                    return "done already", None
        above = os.path.dirname(self.source)
        shutil.rmtree(above, ignore_errors=True)
        os.makedirs(above)
        self.linux.unpack(above)
        with open(ready, "w", encoding="ascii") as out:
            out.write(self.linux.version)
        return "done", None

    def _configure(self):
        shutil.rmtree(self.objects, ignore_errors=True)
        os.makedirs(self.objects)
        lines = wanted(self.series, self.hardened)
        self.linux.configure(self.source, lines, os.path.join(self.objects, "wanted"),
                             "prepared_config.py", f"O={self.objects}")
        return f"{len(lines)} settings", None

    def interposed(self):
        """The variables of make that bring the preludes in: all that is different."""
        if self.plain:
            return []
        prelude, area = self._preludes()
        return [f"KCFLAGS=-Wa,{prelude}", f"KAFLAGS=-Wa,{prelude}", f"AFLAGS_entry_64.o=-Wa,{area}"]

    def _make(self, note):
        self.linux.call("make", ["make", f"-j{JOBS}", f"O={self.objects}", *self.interposed(),
                                 "vmlinux", "modules"], self.source, note)
        return "built", os.path.getsize(os.path.join(self.objects, "vmlinux"))

    def _compare(self):
        """The guest's source is as Debian has it."""
        done = subprocess.run(["tar", "-df", self.linux.tarball, "-C", os.path.dirname(self.source)],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "LC_ALL": "C"})
        # Whose the files are depends on who has unpacked them.
        changed = [line for line in done.stdout.splitlines()
                   if not re.search(r": (Uid|Gid|Mode|Mod time) differs$", line)]
        if changed or done.returncode > 1:
            raise HostError(f"{self.source} is not as Debian's package has it:\n  "
                            + "\n  ".join(changed[:5])
                            + f"\ndelete {os.path.dirname(self.source)} and run this again")
        return "0 files of it changed", None

    def _keep(self):
        modules = self._made("modules")
        shutil.rmtree(modules, ignore_errors=True)
        os.makedirs(modules)
        found = glob.glob(os.path.join(self.objects, "**", "*.ko"), recursive=True)
        for path in found:
            shutil.copy(path, modules)
        for name, kept in (("System.map", "System.map"), (".config", "config"),
                           ("vmlinux", "vmlinux")):
            shutil.copyfile(os.path.join(self.objects, name), self._made(kept))
        with open(self._made("stamp"), "w", encoding="ascii") as out:
            out.write(self._stamp())
        shutil.rmtree(self.objects)
        names = " ".join(sorted(os.path.basename(path) for path in found))
        return f"{self.output}: vmlinux System.map config, modules: {names}", None
