# SPDX-License-Identifier: Apache-2.0
"""The pages of the machine's RAM, read, written and executed by a guest. Its own pages work; all
others are denied, counted, and give nothing but ones. A sample of them; long_sweeps.py does all."""

import re

import attack_machine as attack

SWEPT = re.compile(r"HOSTILE swept: foreign (\d+) own (\d+), (\d+) reads with sum ([0-9a-f]+)")
PAGES = 256  # in a MiB
OWN = 64  # MiB, of the hostile guest
RAM = 1088  # MiB, of the machine
SAMPLE = 32  # each 32nd page here; long_sweeps.py does all


def sweep(machine, step, record_property, pages, own, below=0):
    """One sweep over so many pages, so many of them the guest's own, less at most BELOW."""
    with machine:
        start = len(machine.port().lines)
        tried = machine.attack(step, ("memory",), r"execution of address \S+ at \S+ denied")
        said = attack.said(machine, start)
        match = next(filter(None, map(SWEPT.search, said)))
        foreign, mine, reads = (int(number) for number in match.groups()[:3])
        assert foreign + mine == pages
        assert own - below <= mine <= own
        assert reads == foreign
        assert int(match[4], 16) == -reads % (1 << 64), "a read has given something else than ones"
        assert tried["memory"] == 3 * foreign
        record_property("seen", f"{foreign} foreign pages x 3, {mine} of its own, "
                                f"{tried['memory']} denials counted")


def ram_of_a_vm(record_property, every, size=RAM):
    """A VM's addresses from 0 up to where the machine's RAM ends."""
    machine = attack.beside_a_vm(f"ram={size} every={every}", memory=size)
    sweep(machine, "ram", record_property, size * PAGES // every, OWN * PAGES // every)


def ram_of_the_service_vm(record_property, every):
    """The service VM sees memory where the machine has it: these are the others' own pages, and the
    monitor's. The first MiB is not RAM alone, the last one is the firmware's."""
    first, end = 1, RAM - 1
    machine = attack.as_service(f"first={first} ram={end} every={every}", memory=RAM)
    sweep(machine, "ram", record_property, (end - first) * PAGES // every, OWN * PAGES // every,
          first * PAGES // every)


def test_pages_of_the_ram(record_property):
    ram_of_a_vm(record_property, SAMPLE)


def test_pages_for_the_service_vm(record_property):
    ram_of_the_service_vm(record_property, SAMPLE)
