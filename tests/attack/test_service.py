# SPDX-License-Identifier: Apache-2.0
"""A service VM that misuses the IO-APIC and the machine's switches: the VM beside it goes on."""

import re

import attack_machine as attack
from mullion_host.machine import Vm
from mullion_host.session import Session

IOAPIC = re.compile(r"SERVICE ioapic: (\d+) entries, (\d+) refused, (\d+) of (\d+) pins kept")


def sums(session):
    """How often the neighbour has found its memory as it left it."""
    return sum(line.startswith("[sum] MULLION-SUM ok") for line in session.log.lines)


def test_service_vm():
    bad = Vm("bad", 2, 64, "none", service=True, kernel="service.elf")
    neighbour = Vm("sum", 2, 256, "memsum", words="mullion.mb=64")
    with Session(attack.machine([bad, neighbour], "service.elf")) as session:
        attack.wait_linux(session, neighbour)
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
        before = sums(session)
        session.log.wait(lambda lines: sums(session) > before, 60)
        assert sums(session) > before, "the neighbour is stuck\n" + session.last_words()
        attack.neighbours_unharmed(session)
