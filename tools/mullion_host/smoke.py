# SPDX-License-Identifier: Apache-2.0
# `make smoke`: do stock kernels reach user space, and do they then leave the guest zero times?

import hashlib
import time

from . import report
from .packages import Fetcher, read_bzimage
from .session import Session
from .steps import HostError

ROLES = ("sleep", "busy", "shell", "sleep")  # the service VM first; the last one to all that remain
SETTLE_SECONDS = 4   # the window starts at most 5 s after the last init has spoken
WINDOW_SECONDS = 10.5  # at least 10 s


def check_image(machine):
    """The kernel's release after comparing our bzImage with the package's, byte for byte."""
    entry = Fetcher(machine.build).manifest().get("vmlinuz-6.1")
    if not entry:
        raise HostError("build/guests/manifest.json does not know vmlinuz-6.1; run `make guests`")
    with open(machine.path("guests/vmlinuz-6.1"), "rb") as image:
        ours = hashlib.sha256(image.read()).hexdigest()
    theirs = hashlib.sha256(read_bzimage(machine.path(entry["deb"]))).hexdigest()
    if ours != theirs:
        raise HostError(f"vmlinuz-6.1 is not the bzImage of {entry['package']}: {ours} here, "
                        f"{theirs} there; delete it and run `make guests`")
    print(f"bzImage of {entry['package']} {entry['version']} as shipped, SHA-256 {ours}")
    return entry["release"]


def wrong(vm, spoken, release):
    """What is not as configured, in words; an empty list if all is."""
    if spoken is None:
        return ["its init did not report"]
    errors = []
    if (spoken.name, spoken.nonce) != (vm.name, vm.nonce):
        errors.append(f"name and nonce are {spoken.name} {spoken.nonce}, not {vm.name} {vm.nonce}")
    if spoken.kernel != release:
        errors.append(f"kernel is {spoken.kernel}, not the package's {release}")
    if spoken.cpus != vm.cpus:
        errors.append(f"it has {spoken.cpus} CPUs, not {vm.cpus}")
    if not 0.8 * vm.memory <= spoken.memory_kb / 1024 <= vm.memory:
        errors.append(f"MemTotal is {spoken.memory_kb} kB, not 80 to 100 % of {vm.memory} MiB")
    return errors


def measure(session):
    """The exits of the window."""
    time.sleep(SETTLE_SECONDS)
    before = session.log.statistics()
    time.sleep(WINDOW_SECONDS)
    after = session.log.statistics()
    if not session.running():
        raise HostError("the machine ended within the window\n" + session.last_words())
    return before, after


def states_wrong(vms, before, after):
    """The VMs that either block does not show running: their zeros would prove nothing."""
    return [f"{vm.name} is {block.vms.get(vm.name, {}).get('state', 'missing')} in the statistics"
            for vm in vms for block in (before, after)
            if block.vms.get(vm.name, {}).get("state") != "running"]


def smoke(machine, seconds):
    """Runs the smoke test; returns the exit status."""
    if len(machine.vms) < 3:
        raise HostError("the smoke test needs a sleeper, a busy loop and a shell; "
                        "write VMS=3 or more")
    release = check_image(machine)
    start = time.monotonic()
    with Session(machine) as session:
        spoken = session.reports(seconds)
        print(f"{len(spoken)} of {len(machine.vms)} VMs reported "
              f"after {time.monotonic() - start:.1f} s")
        good = 0
        for vm in machine.vms:
            errors = wrong(vm, spoken.get(vm.name), release)
            good += not errors
            print(f"  {vm.name}: {'; '.join(errors) or describe(vm, spoken[vm.name])}")
        if good < len(machine.vms):
            raise HostError(f"{good} of {len(machine.vms)} kernels reached user space as "
                            f"configured within {seconds} s (QEMU {session.state()})\n"
                            + session.last_words())
        before, after = measure(session)
    problems = states_wrong(machine.vms, before, after)
    for problem in problems:
        print(problem)
    difference = report.exits_between(before, after)
    exits, icr = report.steady_state(difference)
    if exits:
        print("exits within the window, by VM, core and reason:")
        for (name, cpu, reason), count in sorted(difference.items()):
            print(f"  {name} {cpu} {reason} {count}")
    print(f"smoke: {good} kernels reached user space, steady-state exits {exits}, "
          f"ICR exits {icr}", flush=True)
    return 0 if exits == 0 and not problems else 1


def describe(vm, spoken):
    """One VM's report in words."""
    return (f"{spoken.kernel}, {spoken.cpus} CPUs, {spoken.memory_kb // 1024} of {vm.memory} MiB, "
            f"nonce {spoken.nonce}, then {vm.role}")
