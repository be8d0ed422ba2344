# SPDX-License-Identifier: Apache-2.0
# The machine that the tests of this folder share, and what it is after each of them.

import os

import pytest

from debian_rig import debian_machine, start
from fabric_rig import answers, on
from mullion_host.debian import give_network
from rig import guest

PROGRAMS = {"x": "instruction", "events": "process_events"}
VMS = {"web": "10.77.0.11", "db": "10.77.0.12", "mail": "10.77.0.13", "ftp": "10.77.0.14"}
CONTROLS = "rdtsc count; cr3 log; exception 14 count; port 0x80 count; msr 0x8b read deny"
FILES = "/var/lib/mullion"
# Of a kernel: `traps: PROGRAM general protection fault` is one of a program's.
KERNEL_FAULTS = r"Oops|BUG|WARNING|lockup|stall|unstable|general protection fault[:,]"


def live_machine(build):
    """Four VMs; `db` has been started with controls in the machine's file, `ftp` has two cores."""
    files = {name: f"tests/live/{name}" for name in ("quiet.awk", "changes.awk", "editor.sh")}
    files.update({name: os.path.join(build, "live", name) for name in PROGRAMS.values()})
    vms = [guest(name, cpus=2 if name == "ftp" else 1) for name in VMS]
    made = debian_machine(build, "live/run", more=vms, files=files)
    made.vms[2].settings = CONTROLS
    give_network(made)
    return made


def start_live(build, runs):
    """It runs; each VM answers ssh and has the tests' programs."""
    run = start(live_machine(build), runs, monitor=True)
    run.sh(f"mullion config | awk -f {FILES}/quiet.awk >/root/quiet")
    for name in VMS:
        give_programs(run, name)
    return run


def give_programs(run, name):
    """As soon as the VM answers."""
    run.sh(answers(VMS[name]))
    for program, file in PROGRAMS.items():
        put = on(VMS[name], f"cat >/bin/{program}; chmod +x /bin/{program}")
        run.sh(f"cat {FILES}/{file} | {put}")


@pytest.fixture
def machine(live):
    """The machine, as the tests call it."""
    return live


def quiet(run):
    """No VM has controls any more."""
    run.sh("mullion apply /root/quiet")


@pytest.fixture(autouse=True)
def afterwards(machine):
    """After each test: no controls, and no kernel has more to complain of than at its boot."""
    before = complaints(machine)
    yield
    quiet(machine)
    assert complaints(machine) == before


def complaints(run):
    """What the VMs' kernels say of faults."""
    return [faults(run.sh(on(address, f"dmesg | sed \"s/^[^]]*]//\" | grep -E \"{KERNEL_FAULTS}\"; true")))
            for address in VMS.values()]


def faults(lines):
    """Without what a kernel thinks of its clock after the emulator's host has held it up while it read it."""
    late = any("read-back delay" in line for line in lines)
    return [line for line in lines if not late or "unstable" not in line]
