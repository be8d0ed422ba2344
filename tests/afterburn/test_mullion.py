# SPDX-License-Identifier: Apache-2.0
# Prepared kernels on Mullion, without and with a wedge.

import os
import re

import pytest

import grounds
from mullion_host.machine import Vm
from mullion_rig import SECONDS, MullionRun, Prepared, alone_machine, machine, results

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LEAVES = 8
PRINTED = 20000
POWER_OFF = 2  # accesses to ports that do something
FLOODS = 40
CHANGES = 12
WORDS = re.compile(r"HOSTILE hypercalls: (\d+) taken, (\d+) .*; to trap ([0-9a-f]+), not ([0-9a-f]+)")
DELAY, CPUID, RDMSR = 2, 8, 32  # bits of enum wedge_class


@pytest.fixture
def start(request):
    """start(directory, vms, kernels, files) is a running machine, ended with the test."""
    runs = []

    def begin(*arguments):
        run = MullionRun(machine(BUILD, *arguments), None)
        runs.append(run)
        run.__enter__()
        run.ready()
        return run
    yield begin
    for run in runs:
        run.end()


@pytest.fixture(scope="module")
def boot():
    """The wedge and the pack of the prepared kernel."""
    return grounds.wedged(BUILD, "mullion")


def run_workload(start, name, boot):
    """({step: number}, {reason: exits}, console lines) of the workload in a prepared VM."""
    vm = Prepared("web", "kernel", "initrd")
    run = start(name, [vm], {"kernel": boot.kernel}, {"initrd": boot.initrd})
    steps = run.worked(vm)
    counts, lines = run.exits("web"), run.lines("web")
    run.end()
    return steps, counts, lines


def test_workload(start, boot, record_property):
    """The same prepared kernel to user space and through the workload, as it is and with its wedge."""
    plain_steps, plain, plain_lines = run_workload(start, "mullion-plain", grounds.prepared(BUILD))
    steps, wedge, lines = run_workload(start, "mullion-wedge", boot)
    assert set(steps) == set(plain_steps)
    assert any(re.match(r"wedge: linux-6.1 on mullion: \d+ sites", line) for line in lines)
    assert wedge.get("console", 0) + wedge["hypercall"] < plain["console"] / 20
    assert plain["port"] - wedge["port"] > 0 and wedge["port"] <= POWER_OFF
    assert wedge["cpuid"] < plain["cpuid"] / 2  # what is left are programs' own
    record_property("seen", f"kernel {boot.sum()}; exits without {plain}; with {wedge}; "
                            f"{len(plain_lines)} and {len(lines)} lines")


def test_two_versions(start, boot, record_property):
    """A wedge of the interface's first version works beside one of the second, in one machine."""
    vms = [Prepared("old", "wedge-1", "linux.pack", cpus=2), Prepared("new", "wedge", "linux.pack", cpus=2)]
    run = start("mullion-versions", vms, {"wedge-1": f"{boot.kernel}-1", "wedge": boot.kernel},
                {"linux.pack": boot.initrd})
    seen = []
    for vm, version in zip(vms, (1, 2)):
        run.worked(vm)
        assert run.log_lines(rf'vm "{vm.name}": a wedge, version {version} of its interface, words at 0x')
        counts = run.exits(vm.name)
        assert counts["hypercall"] > 0
        seen.append(f"version {version}: {counts['hypercall']} hypercalls, {counts['icr']} writes of the ICR")
    record_property("seen", "; ".join(seen))


def test_service_vm(boot, record_property):
    """As the service VM its ports are real: the wedge leaves them, and does what is the processor's."""
    vm = Prepared("host", "kernel", "initrd")
    vm.service = True
    with MullionRun(alone_machine(BUILD, "mullion-service", vm, boot), None) as run:
        run.log_line("the machine switches off", seconds=SECONDS)
        lines = [line.strip() for line in run.console.lines]
        counts = run.last_exits("host")
    assert any(re.match(r"wedge: linux-6.1 on mullion: \d+ sites", line) for line in lines)
    assert set(results(lines, vm)) == set(grounds.STEPS)
    record_property("seen", f"{counts}")


class Typed:
    """What is typed into the shell of a prepared VM, the first one of the machine."""

    def __init__(self, run, name):
        self.run, self.name, self.count = run, name, 0

    def sh(self, command):
        """Runs it to its end."""
        self.count += 1
        self.run.attach(1)
        self.run.log.send(f"{command}; echo do''ne-{self.count}-$?\r".encode())
        self.run.wait(self.run.log, rf"done-{self.count}-0\b", seconds=SECONDS)
        self.run.detach()

    def cpuids(self):
        """Exits by CPUID when a driver in the VM's kernel executes it, and the program that asks."""
        before = self.run.exits(self.name)["cpuid"]
        self.sh(f"dd if=/dev/cpu/0/cpuid of=/dev/null bs=16 count={LEAVES}")
        return self.run.exits(self.name)["cpuid"] - before


def test_controls_take_back(start, boot, record_property):
    """A watched event leaves the VM again, at once; and a wedge's memory of CPUID ends with a line."""
    web = Prepared("web", "wedge", "linux.pack", role="shell", cpus=2)
    web.settings = "msr 0xc0011029 deny"  # one that the wedge would remember: a fault while it loads
    run = start("mullion-controls", [web], {"wedge": boot.kernel}, {"linux.pack": boot.initrd})
    run.reported("web")
    typed = Typed(run, "web")
    typed.sh("insmod /modules/cpuid.ko")
    typed.cpuids()  # fills what the wedge remembers
    alone = typed.cpuids()
    run.sh("mullion set web cpuid=log")
    watched = typed.cpuids()
    run.sh("mullion set web cpuid=pass")
    again = typed.cpuids()
    run.sh("mullion set web 'cpuid 6 eax mask=0xffffffff'")
    changed = typed.cpuids()
    assert alone == again
    assert watched - alone == changed - alone >= LEAVES - 2  # but for what is never remembered
    record_property("seen", f"exits by {LEAVES} CPUIDs in the kernel and one program: {alone}; watched "
                            f"{watched}; then {again}; with a `cpuid` line {changed}")


def test_much_output(start, boot, record_property):
    """What a program prints goes out whole and in order, and what is typed meanwhile comes in."""
    web = Prepared("web", "wedge", "linux.pack", role="shell")
    run = start("mullion-output", [web], {"wedge": boot.kernel}, {"linux.pack": boot.initrd})
    run.reported("web")
    typed = Typed(run, "web")
    typed.sh(f"seq {PRINTED} {2 * PRINTED - 1} >/tmp/lines")
    before, first = run.exits("web"), len(run.log.lines)
    typed.sh("cat /tmp/lines")
    counts = run.exits("web")
    lines = [line for line in map(str.strip, run.log.lines[first:]) if re.fullmatch(r"\d{5}", line)]
    assert lines == list(map(str, range(PRINTED, 2 * PRINTED)))
    spent = {reason: number - before.get(reason, 0) for reason, number in counts.items()}
    run.attach(1)
    run.log.send(b"yes 'for ev''er'\r")
    run.wait(run.log, r"^for ever$", seconds=SECONDS, count=1000)
    run.log.send(b"\x03")
    run.detach()
    typed.sh("true")
    record_property("seen", f"exits of {PRINTED} lines by a program: {spent}; then ^C")


def test_hypercalls_while_controls_change(start, record_property):
    """All cores call without end while the service VM changes what the wedge must leave."""
    bad = Vm("bad", 2, 64, "none", kernel="hostile.elf", initrd="none",
             words=f"steps=wait,hypercall-flood floods={FLOODS} end=wait")
    run = start("mullion-flood", [bad], {"hostile.elf": "attack/hostile.elf"}, {})
    run.attach(1)
    run.log.send(b"g")
    run.detach()
    run.vm_line("bad", "HOSTILE step hypercall-flood")
    for _ in range(CHANGES):
        run.sh("mullion set bad cpuid=log 'port 0x80=log' 'msr 0x8b=log'")
        run.sh("mullion set bad cpuid=pass 'port 0x80=deny' 'msr 0x8b=deny'")
    run.vm_line("bad", "HOSTILE done refused", seconds=300)
    assert not [line for line in run.lines("bad") if " BAD" in line]
    found = [m for m in map(WORDS.match, run.lines("bad")) if m]
    assert len(found) == FLOODS
    trapped, clear = set(), set()
    for match in found:
        trapped |= {bit for bit in (DELAY, CPUID, RDMSR) if int(match[3], 16) & bit}
        clear |= {bit for bit in (CPUID,) if int(match[4], 16) & bit}
    assert trapped == {DELAY, CPUID, RDMSR} and clear == {CPUID}
    counts = run.exits("bad")
    tried = next(line for line in run.lines("bad") if "HOSTILE done attempts" in line)
    assert counts["hypercall"] == int(re.search(r"insns (\d+)", tried)[1])
    assert run.sh("echo $((6*7))") == ["42"]
    record_property("seen", f"{counts['hypercall']} hypercalls of 2 cores during {2 * CHANGES} changes, "
                            "the same number on both sides")
