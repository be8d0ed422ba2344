# SPDX-License-Identifier: Apache-2.0
"""Guests that reach for what isn't theirs, and end in every way there is; stock kernels beside them
notice nothing, and the monitor names and counts what was done."""

import re

import attack_machine as attack
from emulator import CHOSEN

LOOPS = ("masked", "masked-halt", "debug", "alignment", "in-nmi", "denied")
FLOOD = re.compile(r"HOSTILE flood (\d+) \.+$")
FLOOD_LINES = 2000
WAYS = 13  # to end, in hostile_crash.c


def test_attacks_are_counted(record_property):
    bad = attack.hostile("bad", 2, "hostile.elf", "steps=memory,ports,msrs,ipis,insns,cpuid end=wait")
    vms = [*attack.neighbours(), bad]
    with attack.Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        attack.wait_line(session, r"^\[bad\] HOSTILE done refused", 180)
        attack.no_bad(session)
        tried = attack.compare(session)
        named = [line for line in attack.monitor_lines(session) if 'vm "bad": ' in line]
        for deed in ("address", "port", "MSR", "IPI", CHOSEN.virt):
            assert any(re.search(deed, line) for line in named), f"the log does not name: {deed}"
        attack.all_well(session)
        record_property("seen", attack.figures(tried))


def test_cores_that_would_not_be_interrupted(record_property):
    bad = attack.hostile("bad", 2, "hostile.elf", "steps=wait,step,init,timer,loops")
    vms = [*attack.neighbours(), bad]
    with attack.Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        attack.type_to(session, 2)
        kicks = 0
        for loop in LOOPS:
            attack.wait_line(session, rf"^\[bad\] HOSTILE loop {loop}$", 120)
            seen = len(session.log.lines)
            session.log.send(b"k")
            match = attack.wait_line(session, r"kicks sent (\d+), served (\d+)", 60, seen)
            assert match[1] == match[2], f"loop {loop}: {match[0]}"
            kicks += int(match[1])
            attack.type_to(session, 2)
            attack.wait_line(session, rf"^\[bad\] HOSTILE loop {loop} ended", 60)
            attack.no_bad(session)
        attack.wait_line(session, r'vm "bad": power off', 60)
        attack.no_bad(session)
        attack.all_well(session)
        record_property("seen", f"{len(LOOPS)} loops, {kicks} kicks sent and served")


def test_console_flood(record_property):
    with attack.beside_a_vm() as machine:
        start = len(machine.log.lines)
        attack.type_to(machine, 2, "flood\r")
        attack.wait_line(machine, r"^\[bad\] HOSTILE flood 10 ", 60, start)
        assert attack.answers(machine), "the service VM's console is held up by another VM's"
        machine.wait_ready(start)
        flood = [match[1] for match in map(FLOOD.search, attack.said(machine, start)) if match]
        assert flood == [str(i) for i in range(FLOOD_LINES)], "lines were lost"
        forged = [line for line in machine.log.lines if "forged" in line]
        assert forged and all(line.startswith("[bad] ") for line in forged)
        attack.no_bad(machine)
        attack.all_well(machine)
        size = sum(len(line) + 1 for line in attack.said(machine, start))
        record_property("seen", f"{len(flood)} lines, {size} bytes, none lost; "
                                f"{len(forged)} forged lines all marked as the VM's")


def test_every_way_to_end(record_property):
    crash = attack.hostile("bad", 2, "hostile.elf", "steps=crash")
    vms = [*attack.neighbours(), crash]
    with attack.Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        for start in range(2, WAYS + 2):
            attack.wait_line(session, rf'vm "bad": start {start}\b', 40)
        attack.wait_line(session, r'vm "bad": triple fault', 1)
        attack.wait_line(session, r'vm "bad": power off', 60)
        attack.no_bad(session)
        attack.all_well(session)
        record_property("seen", f"{WAYS} ways")
