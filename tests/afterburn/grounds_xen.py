# SPDX-License-Identifier: Apache-2.0
# Xen as a ground: a PVH guest beside a paravirtual dom0, which has no exits of its own, so that all
# exits are the guest's. QEMU's own trace of #VMEXIT tells them.

import os
import re
import time
from collections import Counter
from dataclasses import dataclass

import grounds
import reasons
import systems
import xen_host
from mullion_host.session import Session
from mullion_host.steps import HostError

CORES = 2         # of the emulated machine
SECONDS = 480     # no measure of anything: only hangs take so long
BROKEN = 9        # QEMU's major version
NAME = "guest"    # as xl knows it
NOWHERE = "0x1000000000000..0x1000000000fff"  # of no code: the trace has nothing but exits then
EXIT = re.compile(r"vmexit\((\w+), (\w+), \w+, (\w+)\)")
PORT, MSR, CPUID, USER_END = 0x7b, 0x7c, 0x72, 1 << 47


@dataclass
class Result:
    """One run: dom0's console, in which the guest's is, and {(kind, detail): exits}."""

    system: object
    console: list
    exits: Counter

    def of(self, *kinds):
        """How many exits are of these kinds."""
        return sum(count for (kind, _), count in self.exits.items() if kind in kinds)

    def total(self):
        """All exits."""
        return sum(self.exits.values())

    def covered(self):
        """Exits of the kinds that the wedge covers."""
        return self.of("in", "out", "cpuid", "rdmsr")


def kind(code, information, address):
    """(kind, detail) of an exit: a port, or nothing."""
    if code == PORT:
        return "in" if information & 1 else "out", information >> 16 & 0xffff
    if code == MSR:
        return "wrmsr" if information & 1 else "rdmsr", None
    if code == CPUID:
        return "cpuid of a program" if address < USER_END else "cpuid", None
    return reasons.name(code, 0), None


def read_exits(path):
    """The Counter of a trace."""
    exits = Counter()
    with open(path, encoding="ascii", errors="replace") as lines:
        for match in filter(None, map(EXIT.match, lines)):
            exits[kind(*(int(word, 16) for word in match.groups()))] += 1
    return exits


class Xen(grounds.Ground, systems.System):
    """A PVH guest under Debian's Xen.

    QEMU of 9.1 and later gives a guest's reads of CR2 to Xen as reads of CR0, and with nested paging
    Xen then answers with an old CR2. So the release's own QEMU is taken where it is older (Debian 12:
    7.2, in which Xen's accesses to dom0 fault under SMAP), else shadow page tables."""

    name = "xen"

    def __init__(self, build, name, boot):
        super().__init__(build, name, boot)
        self.release, version = xen_host.release_emulator(build)
        self.nested = version < BROKEN

    def write_configuration(self):
        super().write_configuration()
        image = xen_host.image(self.build, xen_host.Guest(
            NAME, self.boot.kernel, self.boot.initrd,
            self.vm.cmdline().replace("console=ttyS0", "console=hvc0"), self.cores, self.vm.memory,
            self.nested))
        for name, data in (("dom0.img", image), ("xen", xen_host.hypervisor(self.build))):
            with open(self.run_path(name), "wb") as out:
                out.write(data)

    def memory(self):
        return self.vm.memory + xen_host.DOM0_MEMORY + xen_host.XEN_MEMORY

    def plugin(self):
        return ["-d", "in_asm", "-dfilter", NOWHERE, "-D", self.run_path("exits")]

    def emulator(self, memory):
        words = super().emulator(memory)
        words[words.index("-smp") + 1] = str(CORES)
        if self.nested:
            words[words.index("-cpu") + 1] = xen_host.CPU
            words[:1] = self.release
        return words

    def loader(self):
        dom0 = f"{xen_host.kernel(self.build)} console=hvc0 quiet panic=1"
        return ["-kernel", self.run_path("xen"), "-append", xen_host.words(CORES),
                "-initrd", f"{dom0},{self.run_path('dom0.img')}"]


def run(ground):
    """Runs the ground to its end and returns its Result; a HostError if it does not come there."""
    end = time.monotonic() + SECONDS
    with Session(ground) as session:
        while session.running() and time.monotonic() < end:
            time.sleep(0.2)
        state, console = session.state(), list(session.console.lines)
        if session.running() or not any("XENHOST end" in line for line in console):
            raise HostError(f"Xen: not done within {SECONDS} s (QEMU {state})\n{session.last_words()}")
    console = [line.rstrip("\r\n") for line in console]
    return Result(ground, console, read_exits(ground.run_path("exits")))
