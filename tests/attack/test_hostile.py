# SPDX-License-Identifier: Apache-2.0
"""Guests that reach for what isn't theirs, and end in every way there is; stock kernels beside them
notice nothing, and the monitor names and counts what was done."""

import re

import attack_machine as attack
from mullion_host.machine import Vm
from mullion_host.session import Session

LOOPS = ("masked", "masked-halt", "debug", "alignment", "in-nmi", "denied")
WAYS = 12  # to end, in hostile_crash.c
ATTEMPTS = re.compile(r"HOSTILE done attempts: memory (\d+) ports (\d+) msrs (\d+) ipis (\d+) "
                      r"insns (\d+)")
REFUSED = re.compile(r"HOSTILE done refused: memory (\d+) ports (\d+) msrs (\d+) ipis (\d+) "
                     r"insns (\d+)")
KINDS = ("memory", "ports", "msrs", "ipis", "insns")


def neighbours():
    """Two stock kernels: a service VM with a shell, and one that sums up its memory for ever."""
    return [Vm("host", 1, 512, "none", service=True),
            Vm("sum", 1, 256, "memsum", words="mullion.mb=96")]


def no_bad(session, name):
    """The guest has found nothing that must not be."""
    lines = [line for line in session.log.lines
             if line.startswith(f"[{name}] ") and " BAD" in line]
    assert not lines, "\n".join(lines)


def sums(session):
    """How often the neighbour has found its memory as it left it."""
    return sum(line.startswith("[sum] MULLION-SUM ok") for line in session.log.lines)


def all_well(session):
    """The neighbours go on."""
    before = sums(session)
    assert attack.answers(session), "the service VM is stuck\n" + session.last_words()
    session.log.wait(lambda lines: sums(session) > before, 60)
    assert sums(session) > before, "the other VM is stuck\n" + session.last_words()
    attack.neighbours_unharmed(session)


def counts(session, expression):
    """{kind: number} of the guest's own line."""
    match = attack.wait_line(session, expression.pattern, 10)
    return dict(zip(KINDS, map(int, match.groups())))


def compare(session, tried, refused):
    """The guest's attempts against the monitor's counts.

    memory, ports, ipis, insns: equal, since each attempt leaves the guest exactly once and nothing
    else that the guest does is counted there. msrs: what is refused is equal; the exits are not
    compared, since the registers that are the guest's own do not leave it. ipis: each command is
    an exit `icr`, whether refused or not, and each refused one is counted as denied."""
    denied, statistics = attack.denied(session)
    exits = {}
    for (vm, _, reason), number in statistics.exits.items():
        if vm == "bad":
            exits[reason] = exits.get(reason, 0) + number
    print("attempts", tried, "refused", refused, "denied", denied["bad"], "exits", exits)
    assert denied["bad"]["memory"] == tried["memory"] == exits["memory"]
    assert denied["bad"]["ports"] == tried["ports"] == exits["port"]
    assert denied["bad"]["msrs"] == refused["msrs"]
    assert denied["bad"]["ipis"] == refused["ipis"]
    assert exits["icr"] == tried["ipis"]
    assert exits["virt"] + exits["hypercall"] + exits["invd"] == tried["insns"]
    assert all(not any(denied.get(vm, {}).get(kind, 0) for kind in ("memory", "ipis"))
               for vm in ("host", "sum")), "a neighbour was refused something"


def test_attacks_are_counted():
    bad = attack.hostile("bad", 2, "hostile.elf", "steps=memory,ports,msrs,ipis,insns,cpuid end=wait")
    vms = [*neighbours(), bad]
    with Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        attack.wait_line(session, r"^\[bad\] HOSTILE done refused", 180)
        no_bad(session, "bad")
        compare(session, counts(session, ATTEMPTS), counts(session, REFUSED))
        named = [line for line in attack.monitor_lines(session) if 'vm "bad": ' in line]
        for deed in ("address", "port", "MSR", "IPI", "an instruction of SVM"):
            assert any(deed in line for line in named), f"the log does not name: {deed}"
        all_well(session)


def test_cores_that_would_not_be_interrupted():
    bad = attack.hostile("bad", 2, "hostile.elf", "steps=wait,step,init,timer,loops")
    vms = [*neighbours(), bad]
    with Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        attack.type_to(session, 2)
        for loop in LOOPS:
            attack.wait_line(session, rf"^\[bad\] HOSTILE loop {loop}$", 120)
            seen = len(session.log.lines)
            session.log.send(b"k")
            match = attack.wait_line(session, r"kicks sent (\d+), served (\d+)", 60, seen)
            assert match[1] == match[2], f"loop {loop}: {match[0]}"
            attack.type_to(session, 2)
            attack.wait_line(session, rf"^\[bad\] HOSTILE loop {loop} ended", 60)
            no_bad(session, "bad")
        attack.wait_line(session, r'vm "bad": power off', 60)
        no_bad(session, "bad")
        all_well(session)


def test_every_way_to_end():
    crash = attack.hostile("bad", 2, "hostile.elf", "steps=crash")
    vms = [*neighbours(), crash]
    with Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        for start in range(2, WAYS + 2):
            attack.wait_line(session, rf'vm "bad": start {start}\b', 40)
        attack.wait_line(session, r'vm "bad": triple fault', 1)
        attack.wait_line(session, r'vm "bad": power off', 60)
        no_bad(session, "bad")
        all_well(session)
