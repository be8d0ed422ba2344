# SPDX-License-Identifier: Apache-2.0
"""A service VM that misuses the IO-APIC and the machine's switches: the VMs beside it go on."""

import re

import attack_machine as attack
from emulator import CHOSEN
from mullion_host.machine import Vm

IOAPIC = re.compile(r"SERVICE ioapic: (\d+) entries, (\d+) refused, (\d+) of (\d+) pins kept")


def test_service_vm(record_property):
    bad = Vm("bad", 2, 64, "none", service=True, kernel="service.elf",
             words=f"{CHOSEN.words} pm1={CHOSEN.pm1}".strip())
    others = [CHOSEN.neighbour("sum", 256, size=64, cpus=2), CHOSEN.neighbour("two", 192)]
    with attack.Session(attack.machine([bad, *others], "service.elf")) as session:
        attack.wait_linux(session, *others)
        attack.wait_line(session, r'vm "bad": start 2', 120)
        said = "\n".join(session.console.lines)
        assert "SERVICE BAD" not in said, said
        entries, refused, kept, pins = map(int, IOAPIC.search(said).groups())
        # For each pin: 10 modes, 256 destinations in 2 orders of which its own 2 are kept, 1 logical.
        assert entries == pins * (10 + 512 + 1)
        assert refused == entries - pins * 2 * 2
        assert kept == pins
        assert "SERVICE sleep: awake" in said and "SERVICE done" in said
        named = "\n".join(attack.monitor_lines(session))
        assert 'vm "bad": IO-APIC entry' in named
        assert 'vm "bad": sleep state with type 1 refused' in named
        assert "panic:" not in named
        attack.all_well(session)
        record_property("seen", f"{entries} entries written, {refused} of them refused, "
                                f"{kept} pins kept")
