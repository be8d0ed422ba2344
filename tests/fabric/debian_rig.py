# SPDX-License-Identifier: Apache-2.0
# The service VM's Debian under test: on Mullion and bare, from the same disk, with the same cores and memory.

import os

import counts
from mullion_host.debian import MEMORY, ROOT, give_debian, run_files, write_run_disk
from mullion_host.machine import Machine
from rig import Run, service
from systems import kernel_pattern

SECONDS = 400  # no measure of anything: with instructions counted one by one a boot takes minutes
ENTERED, PROMPT, BEFORE, AFTER = 3, 20, 21, 22  # marks, as the plugin notes them


class BareDebian(Machine):
    """The emulated machine with the disk's own kernel instead of Mullion."""

    def command(self, *ports):
        words = super().command(*ports)
        at = words.index("-kernel")
        words[at:at + 4] = ["-kernel", self.path("service/vmlinuz"), "-initrd",
                            self.path("service/initrd.img"), "-append", self.vms[0].cmdline()]
        return words


def leave_first_core(machine, quiet):
    """
    The VMs get the machine's cores from 1 on, in order; core 0 stays free, or is that of the VM named
    QUIET, which has one core and leaves it rarely. QEMU's other processors write in the state of its
    first one (docs/CAVEATS.md, "The tests"): a VM with many exits there starts anew now and then.
    """
    first = 1
    for vm in machine.vms:
        if vm.name == quiet:
            vm.cores = "0-0"
            continue
        vm.cores = f"{first}-{first + vm.cpus - 1}"
        first += vm.cpus
    machine.cores = first


def debian_machine(build, directory, bare=False, controller="ahci", more=(), files=(),
                   quiet=None, all_cores=False):
    """
    A machine whose service VM is the Debian; MORE are further VMs, FILES for its second disk. Core 0 is
    free, or the VM QUIET's, unless the VMs get ALL_CORES.
    """
    kind = BareDebian if bare else Machine
    vms = [service(cpus=2), *more]
    machine = kind(build, vms, directory=directory, image="boot/mullion.elf",
                   memory=MEMORY if bare else 0)
    if not bare and not all_cores:
        leave_first_core(machine, quiet)
    give_debian(machine, controller)
    files = {**run_files(build), "mirror": "tests/fabric/mirror.sh",
             **{name: os.path.join(build, "fabric", name) for name in ("mark", "blocks")}, **dict(files)}
    write_run_disk(machine, files)
    return machine


def count_instructions(machine, bare):
    """Adds the counting plugin; counts_read has what it notes."""
    pattern = kernel_pattern(machine.path("service/vmlinuz"))
    words = [machine.path("bench/count.so"), f"kind={'bare' if bare else 'svm'}", "direct=0",
             f"out={machine.run_path('counts')}", f"pattern={ENTERED}:{pattern}"]
    machine.extra = [*machine.extra, "-plugin", ",".join(words)]


def counts_read(machine, first, last):
    """The Window between two marks."""
    fulls, _ = counts.read(machine.run_path("counts"))
    return counts.between(counts.first(fulls, first), counts.first(fulls, last))


class DebianRun(Run):
    """A running machine whose console has a shell of the Debian."""

    commands = 0
    began = None  # the service VM's starts, while a command of it is waited for

    def over(self):
        """A command ends with the system that runs it, too."""
        return super().over() or self.began not in (None, self._service_starts())

    def _service_starts(self):
        return self.starts(self.machine.vms[0].name)

    def sh(self, command, seconds=SECONDS):
        """The lines that a command prints; it must succeed."""
        self.commands += 1
        word = f"{self.machine.vms[0].nonce}-{self.commands}"
        start = len(self.console.lines)
        self.type_service(f"echo be''gin-{word}; {command}; echo e''nd-{word}-$?")
        began = self.began = self._service_starts()
        try:
            status = self.wait(self.console, rf"end-{word}-(\d+)$", start=start, seconds=seconds)[1]
        finally:
            self.began = None
            assert self._service_starts() == began, f"{command}: the service VM started anew meanwhile"
        lines = [line for line in self.console.lines[start:]]
        first = next(n for n, line in enumerate(lines) if line.endswith(f"begin-{word}"))
        last = next(n for n, line in enumerate(lines) if line.endswith(f"end-{word}-{status}"))
        assert status == "0", f"{command}: status {status}\n" + "\n".join(lines[first + 1:last])
        return lines[first + 1:last]

    def prompt(self, times=1):
        """Waits until the Debian's console has a shell, for the so manyth time."""
        nonce = self.machine.vms[0].nonce
        self.wait(self.console, f"MULLION-REPORT name=host nonce={nonce} ", count=times,
                  seconds=SECONDS)


def start(machine, runs, monitor=False):
    """The running machine, appended to RUNS, with the Debian at its prompt; with QEMU's MONITOR?"""
    run = DebianRun(machine, monitor)
    runs.append(run)
    run.__enter__()
    run.prompt()
    return run
