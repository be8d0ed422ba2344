# SPDX-License-Identifier: Apache-2.0
# The machine of this folder's tests: four stock VMs whose controls are changed from the service VM's shell.

import os
import re

from debian_rig import debian_machine, start
from fabric_rig import answers, on
from mullion_host.debian import give_network
from rig import guest

VMS = {"web": "10.77.0.11", "db": "10.77.0.12", "mail": "10.77.0.13", "ftp": "10.77.0.14"}
WEB, DB, MAIL, FTP = VMS.values()
CONTROLS = "rdtsc count; cr3 log; exception 14 count; port 0x80 count; msr 0x8b read deny"
FILES = "/var/lib/mullion"
PROGRAMS = {"x": "instruction", "events": "events"}
KERNEL_FAULTS = r"Oops|BUG|WARNING|lockup|stall|unstable|general protection fault[:,]"  # not "traps: PROGRAM"


def start_live(build, runs):
    """`db` has been started with controls in the machine's file; `ftp` has two cores."""
    files = {name: f"tests/live/{name}" for name in ("quiet.awk", "changes.awk", "editor.sh")}
    files.update({name: os.path.join(build, "live", name) for name in PROGRAMS.values()})
    vms = [guest(name, cpus=2 if name == "ftp" else 1) for name in VMS]
    machine = debian_machine(build, "live/run", more=vms, files=files)
    machine.vms[2].settings = CONTROLS
    give_network(machine)
    run = start(machine, runs, monitor=True)
    run.sh(f"mullion config | awk -f {FILES}/quiet.awk >/root/quiet")
    for address in VMS.values():
        give_programs(run, address)
    return run


def give_programs(run, address):
    """The VM answers, and has the tests' programs."""
    run.sh(answers(address))
    for name, file in PROGRAMS.items():
        run.sh(f"cat {FILES}/{file} | {on(address, f'cat >/bin/{name}; chmod +x /bin/{name}')}")


def quiet(run):
    """No VM has controls any more."""
    run.sh("mullion apply /root/quiet")


def complaints(run):
    """What the VMs' kernels say of faults."""
    words = f"dmesg | grep -E \"{KERNEL_FAULTS}\"; true"
    return [[re.sub(r"^\[[ 0-9.]+\] ", "", line) for line in run.sh(on(address, words))]
            for address in VMS.values()]
