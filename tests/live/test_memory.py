# SPDX-License-Identifier: Apache-2.0
# Memory of a running stock VM, taken and given back through its own virtio-mem driver.

import re

import pytest

from debian_rig import debian_machine, start
from fabric_rig import answers, exits, on
from mullion_host.debian import give_network
from rig import guest

WEB, DB = "10.77.0.11", "10.77.0.12"
FIRST, MOST, ROUNDS = 256, 768, 4  # MiB
FAULTS = r"Oops|BUG|WARNING|lockup|stall|general protection"


@pytest.fixture(scope="module")
def machine(build):
    """`web` may have up to MOST, and `db` has what it has; both answer ssh."""
    runs = []
    web = guest("web", cpus=2, memory=FIRST, words="memhp_default_state=online_movable",
                settings=f"memory-most {MOST}M")
    machine = debian_machine(build, "live/memory", more=[web, guest("db")])
    machine.memory = sum(vm.memory for vm in machine.vms) + MOST - FIRST + 256
    give_network(machine)
    try:
        run = start(machine, runs, monitor=True)
        for address in (WEB, DB):
            run.sh(answers(address))
        yield run
    finally:
        for run in runs:
            run.end()


def shown(run, key):
    """A field of `mullion show web`, in MiB."""
    return int(run.sh(f"mullion show web | grep '^{key} '")[-1].split()[1]) >> 20


def pool(run):
    """What nobody has, in bytes."""
    return int(re.search(r"memory-free (\d+)", run.sh("mullion machine --json | tr ',' '\\n' | "
                                                      "tr -d '\" ' | tr ':' ' '")[-1])[1])


def test_explore(machine):
    print(machine.sh("mullion show web; mullion machine"))
    print(machine.sh(on(WEB, "dmesg | grep -i virtio; grep MemTotal /proc/meminfo; cat /proc/iomem")))
    print(machine.sh("mullion set web memory=512M 2>&1; true"))
    print(machine.sh(on(WEB, "dmesg | tail -20; grep MemTotal /proc/meminfo; cat /proc/iomem; cat /proc/zoneinfo | grep -A8 Movable")))
    print(machine.sh("mullion show web; mullion machine"))
    print(machine.sh("mullion set web memory=256M 2>&1; true"))
    print(machine.sh(on(WEB, "dmesg | tail -20; grep MemTotal /proc/meminfo; cat /proc/iomem; cat /proc/zoneinfo | grep -A8 Movable")))
    print(machine.sh("mullion show web; mullion machine; mullion stats"))
    print(machine.sh("mullion machine --json"))
