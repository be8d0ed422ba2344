# SPDX-License-Identifier: Apache-2.0
"""A machine with hostile guests and their neighbours; what the tests here share."""

import os
import re
import time

from emulator import CHOSEN, TREE
from mullion_host.machine import Vm

Session = CHOSEN.Session
BUILD = os.path.abspath(os.environ.get("MULLION_BUILD", os.path.join(TREE, "build")))
MONITOR = os.environ.get("MULLION_ELF", "mullion.elf")  # another one, e.g. a broken one
BOOT_SECONDS = 180
HOSTILE_SECONDS = 1800  # no measure of anything: only hangs take so long
KINDS = ("memory", "ports", "msrs", "ipis", "insns", "cpuids", "messages")
TOTALS = re.compile(r"HOSTILE done (attempts|refused): (.*)$")
DENIED = re.compile(r"denied (\S+) ports (\d+) msrs (\d+) memory (\d+) ipis (\d+)")


def machine(vms, *elfs, memory=0):
    """A machine of VMS whose modules are the neighbours' and these ELF files; memory in MiB."""
    kernels = {**CHOSEN.kernels, **{elf: f"attack/{elf}" for elf in elfs}}
    return CHOSEN.Machine(BUILD, vms, kernels=kernels, image=MONITOR, memory=memory,
                          directory=os.environ.get("MULLION_RUN", "run-attack"))


def hostile(name, cpus, elf, words="", settings=""):
    """A VM whose kernel is one of our ELF files."""
    return Vm(name, cpus, 64, "none", kernel=elf, words=f"{CHOSEN.words} {words}".strip(),
              settings=settings)


def wait_linux(session, *vms):
    """Each neighbour has begun."""
    for vm in vms:
        end = time.monotonic() + BOOT_SECONDS
        while not CHOSEN.has_begun(session, vm) and time.monotonic() < end and session.running():
            time.sleep(0.2)
        assert CHOSEN.has_begun(session, vm), f"{vm.name} does not report\n" + session.last_words()


def wait_line(session, pattern, seconds, start=0):
    """The match of the first line of the log from START on that has PATTERN in it."""
    expression = re.compile(pattern)

    def find(lines):
        return next(filter(None, map(expression.search, lines[start:])), None)

    match = session.log.wait(find, seconds)
    assert match, (f"no line with {pattern!r} within {seconds} s (QEMU {session.state()})\n"
                   + session.last_words())
    return match


def answers(session, seconds=60):
    """The service VM's shell computes with a fresh nonce: it is alive now, not only before."""
    typed, expected = CHOSEN.question()
    session.console.send(typed.encode())
    return session.console.wait(
        lambda lines: any(re.search(expected, line) for line in lines), seconds)


def type_to(session, index, text="g"):
    """Types at the console of the VM with this place in the configuration."""
    start = len(session.log.lines)
    session.log.send(b"i")
    session.log.send(str(index).encode())
    wait_line(session, r"input: vm ", 30, start)
    session.log.send(text.encode())
    session.log.send(b"\x1d")
    wait_line(session, r"input: back to the monitor", 30, start)


def answers_by_log(session, index, seconds=60):
    """The same for a VM whose shell is reached by the log port's key `i`."""
    typed, expected = CHOSEN.question()
    type_to(session, index, typed)
    wait_line(session, expected, seconds)


def neighbours(size=96):
    """Two: a service VM that answers, and a VM that sums up so many MiB for ever."""
    return [CHOSEN.neighbour("host", 512, service=True), CHOSEN.neighbour("sum", 256, size=size)]


def is_neighbour(vm):
    """Whether it is one of those that must notice nothing."""
    return vm.kernel in CHOSEN.kernels


def sums(session, name="sum"):
    """How often a neighbour has found its memory as it left it."""
    mark = re.compile(rf"^(\[{name}\] )?MULLION-SUM ok")
    return sum(bool(mark.match(line)) for line in session.log.lines)


def all_well(session):
    """All neighbours answer with fresh nonces, and the memory of `sum` is what it was."""
    before = sums(session)
    for index, vm in enumerate(session.machine.vms):
        if not is_neighbour(vm):
            continue
        if vm.service:
            assert answers(session), "the service VM is stuck\n" + session.last_words()
        else:
            answers_by_log(session, index)
    session.log.wait(lambda lines: sums(session) > before, 60)
    assert sums(session) > before, "the other VM's sums stand still\n" + session.last_words()
    neighbours_unharmed(session)


def said(session, start=0):
    """What the hostile guest has said from line START on: the service VM has a port of its own."""
    if hostile_is_service(session):
        return session.console.lines[start:]
    return [line[6:] for line in session.log.lines[start:] if line.startswith("[bad] ")]


def hostile_is_service(session):
    """Whether the hostile guest is the service VM."""
    return any(vm.service and vm.name == "bad" for vm in session.machine.vms)


def no_bad(session, start=0):
    """The hostile guest has found nothing that must not be."""
    lines = [line for line in said(session, start) if " BAD" in line]
    assert not lines, "\n".join(lines)


def denied(session):
    """{VM: {ports, msrs, memory, ipis}} as the monitor counts now, and the Statistics."""
    start = len(session.log.lines)
    statistics = session.log.statistics(30)
    found = {}
    for line in session.log.lines[start:]:
        match = DENIED.search(line)
        if match and not line.startswith("[" + match[1] + "]"):
            found[match[1]] = dict(zip(("ports", "msrs", "memory", "ipis"),
                                       map(int, match.groups()[1:])))
    return found, statistics


def monitor_lines(session):
    """The monitor's own lines: they begin with a time, a VM's begin with its name."""
    return [line for line in session.log.lines if re.match(r"\[ *\d+\.\d+\] cpu", line)]


def neighbours_unharmed(session):
    """No neighbour was hit by an interrupt or NMI that isn't its own; the monitor is whole."""
    for line in session.log.lines + session.console.lines:
        assert "NMI received for unknown reason" not in line, line
        assert "No irq handler for vector" not in line, line
        assert "MULLION-SUM BAD" not in line, line
        assert "Kernel panic" not in line, line
        assert not re.match(r"(\[(host|sum|two)\] )?GUEST BAD", line), line
    for line in monitor_lines(session):
        assert "panic:" not in line, line


def totals(session, start=0):
    """({kind: attempts}, {kind: refused}) as the hostile guest has last counted them."""
    found = {}
    for line in said(session, start):
        match = TOTALS.search(line)
        if match:
            words = match[2].split()
            found[match[1]] = dict(zip(words[::2], map(int, words[1::2])))
    return found["attempts"], found["refused"]


def compare(session, start=0):
    """The guest's attempts against the monitor's counts, from the VM's start on.

    memory, ports, ipis, insns, cpuids: equal, since each attempt leaves the guest exactly once and
    nothing else that the guest does is counted there. msrs: what is refused is equal; the exits are
    not compared, since the registers that are the guest's own do not leave it. ipis: each command
    is an exit `icr`, whether refused or not, and each refused one is counted as denied. messages:
    those of devices, which are denied as IPIs are, but sent by the monitor without an exit icr."""
    tried, refused = totals(session, start)
    counted, statistics = denied(session)
    exits = {}
    for (vm, _, reason), number in statistics.exits.items():
        if vm == "bad":
            exits[reason] = exits.get(reason, 0) + number
    print("attempts", tried, "refused", refused, "denied", counted["bad"], "exits", exits)
    assert counted["bad"]["memory"] == tried["memory"] == exits.get("memory", 0)
    assert counted["bad"]["ports"] == tried["ports"] == exits.get("port", 0)
    assert counted["bad"]["msrs"] == refused["msrs"]
    assert counted["bad"]["ipis"] == refused["ipis"] + tried["messages"]
    assert exits.get("icr", 0) == tried["ipis"]
    assert (exits.get("virt", 0) + exits.get("hypercall", 0) + exits.get("invd", 0)
            == tried["insns"])
    assert exits.get("cpuid", 0) == tried["cpuids"]
    assert all(not any(counted.get(vm, {}).get(kind, 0) for kind in ("memory", "ipis"))
               for vm in counted if vm != "bad"), "a neighbour was refused something"
    return tried


def figures(tried):
    """What was tried, in words."""
    words = ", ".join(f"{kind} {tried[kind]}" for kind in KINDS if tried[kind])
    return f"attempts: {words or 'none that leaves the guest'}; the monitor counts the same"


class Asked(Session):
    """A machine with one hostile guest that does what is typed, and two stock kernels."""

    def __init__(self, bad, others, elf, memory):
        vms = [bad, *others] if bad.service else [*others, bad]
        super().__init__(machine(vms, elf, memory=memory))
        self.bad, self.others = bad, others
        self.tried = dict.fromkeys(KINDS, 0)

    def __enter__(self):
        super().__enter__()
        try:
            wait_linux(self, *self.others)
            self.wait_ready(0)
        except BaseException:
            self.end()
            raise
        return self

    def port(self):
        """Where the hostile guest's lines come."""
        return self.console if self.bad.service else self.log

    def wait_ready(self, start):
        """Waits until the guest asks for the next attack."""
        mark = "HOSTILE ready" if self.bad.service else "[bad] HOSTILE ready"

        def ended(lines):
            return mark in lines[start:] or any("GUEST BAD" in line for line in lines[start:])

        self.port().wait(ended, HOSTILE_SECONDS)
        assert mark in self.port().lines[start:], "the attack does not end\n" + self.last_words()

    def attack(self, name, kinds=(), named=None):
        """One attack: the guest's counts are the monitor's, all is well. {kind: attempts} of it."""
        start = len(self.port().lines)
        if self.bad.service:
            self.console.send(name.encode() + b"\r")
        else:
            type_to(self, self.machine.vms.index(self.bad), name + "\r")
        self.wait_ready(start)
        no_bad(self, start)
        before, self.tried = self.tried, compare(self, start)
        for kind in kinds:
            assert self.tried[kind] > before[kind], f"nothing of kind {kind} was tried"
        lines = [line for line in monitor_lines(self) if 'vm "bad": ' in line]
        assert named is None or any(re.search(named, line) for line in lines), \
            f"the monitor does not name it: {named}"
        all_well(self)
        return {kind: self.tried[kind] - before[kind] for kind in KINDS}


def beside_a_vm(words="", memory=0, settings=""):
    """The hostile guest is a VM like others, perhaps with more SETTINGS."""
    bad = hostile("bad", 2, "hostile.elf", "steps=ask " + words, "network lan" + settings)
    return Asked(bad, neighbours(), "hostile.elf", memory)


def as_service(words="", memory=0):
    """The hostile guest is the service VM itself; both neighbours are VMs without devices."""
    bad = Vm("bad", 2, 64, "none", service=True, kernel="hostile-service.elf",
             words=f"{CHOSEN.words} steps=ask service=1 {words}".strip())
    others = [CHOSEN.neighbour("sum", 256, size=96), CHOSEN.neighbour("two", 192)]
    return Asked(bad, others, "hostile-service.elf", memory)
