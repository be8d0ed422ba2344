# SPDX-License-Identifier: Apache-2.0
# The monitor counts its exits; a QEMU plugin counts VMRUN from outside. Both must agree within 1 %.

import os
import re
import subprocess

from rig import BOOT_SECONDS, guest, service


def build_plugin(build):
    """The shared object of vmrun.c."""
    source = os.path.join(os.path.dirname(__file__), "vmrun.c")
    plugin = os.path.abspath(os.path.join(build, "boot", "vmrun.so"))
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror",
                    "-shared", "-fPIC", "-fvisibility=hidden", source, "-o", plugin], check=True)
    return plugin


def test_counts(boot, build, record_property):
    vms = [service(cpus=2, role="poweroff"), guest("one", "poweroff", cpus=2),
           guest("two", "poweroff")]
    run = boot(vms, extra=["-plugin", build_plugin(build)])
    run.log_line("the machine switches off", seconds=BOOT_SECONDS)
    assert run.exit_status() == 0
    counted = {vm.name: 0 for vm in vms}
    for match in run.log_lines(r"exits (\S+) cpu\d+ \S+ (\d+)\s*$"):
        counted[match[1]] += int(match[2])
    with open(run.machine.run_path("qemu"), encoding="utf-8") as said:
        outside = int(re.search(r"VMRUN executed (\d+) times", said.read())[1])
    inside = sum(counted.values())
    record_property("seen", f"counted by the monitor {inside:,}, from outside {outside:,}")
    assert all(counted.values()), counted
    assert abs(inside - outside) <= 0.01 * outside, f"{inside} here, {outside} outside"
