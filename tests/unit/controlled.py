# SPDX-License-Identifier: Apache-2.0
# The command with a monitor on paper and a Linux of plain files. MULLION names the program.

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from mock_monitor import BLOCK, MIB, Monitor

MULLION = os.path.abspath(os.environ.get("MULLION", "build/mullion"))

VM_FILE = "vm db { cpus 2; memory 512M }\n"


class ControlTest(unittest.TestCase):
    """A test with a monitor, and a folder that stands for / with CPUS cores and 8 blocks."""

    cpus = 8

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket = os.path.join(self.folder, "control")
        self.monitor = Monitor(self.socket, self.cpus)
        self.addCleanup(self.monitor.close)
        self.environment = dict(os.environ, MULLION_CONTROL=self.socket, MULLION_ROOT=self.folder)
        self.plant()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        path = self.path(name.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read().strip()

    def plant(self):
        """Linux has the service VM's cores 0, 1, 5, 6, 7 as CPUs 0 to 4, and 1 GiB from 0 on."""
        ours = [cpu for cpu, owner in self.monitor.owner.items() if owner == "host"]
        self.linux = {core: number for number, core in enumerate(ours)}
        self.write("proc/cpuinfo", "\n".join(
            f"processor\t: {number}\nvendor_id\t: AuthenticAMD\napicid\t\t: {core * 2}\n"
            for core, number in self.linux.items()))
        for number in self.linux.values():
            if number > 0:
                self.write(f"sys/devices/system/cpu/cpu{number}/online", "1\n")
        self.write("sys/devices/system/memory/block_size_bytes", f"{BLOCK:x}\n")
        for block in range(8):
            for name, text in (("state", "online"), ("removable", "1"),
                               ("valid_zones", "Normal" if block else "none")):
                self.write(f"sys/devices/system/memory/memory{block}/{name}", text + "\n")
        os.makedirs(self.path("run"), exist_ok=True)

    def refuse(self, name):
        """The file can be read as before, but takes no text: the kernel says why not."""
        with open(self.path(name), "rb") as file:
            text = file.read()
        sealed = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, sealed)
        os.write(sealed, text)
        fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK)
        os.remove(self.path(name))
        os.symlink(f"/proc/{os.getpid()}/fd/{sealed}", self.path(name))

    def run_mullion(self, *args, text=""):
        done = subprocess.run([MULLION, *args], cwd=self.folder, input=text.encode(),
                              env=self.environment, capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def good(self, *args, text=""):
        """The output of a command that does well."""
        status, out, err = self.run_mullion(*args, text=text)
        self.assertEqual((status, err), (0, ""))
        return out

    def json(self, *args):
        return json.loads(self.good(*args))

    def state_of_linux(self):
        """What is off line: cores' CPUs, and blocks."""
        cpus = [n for n in self.linux.values() if n > 0 and
                self.read(f"sys/devices/system/cpu/cpu{n}/online") == "0"]
        blocks = [n for n in range(8) if
                  self.read(f"sys/devices/system/memory/memory{n}/state") == "offline"]
        return cpus, blocks


__all__ = ["BLOCK", "MIB", "MULLION", "VM_FILE", "ControlTest"]
