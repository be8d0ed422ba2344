# SPDX-License-Identifier: Apache-2.0
"""States that no kernel puts its core in: each costs at most this VM, which then starts anew."""

import re

import attack_machine as attack

STATES = re.compile(r"^\[bad\] HOSTILE states: (\d+) tried, (\d+) ended the VM")
ENDS = re.compile(r'info: vm "bad": (triple fault|invalid processor state|interrupt delivery outside its '
                  r"memory|RIP is wider than 32 bits)$")  # the last: how VT-x calls what SVM finds invalid
SECONDS = 300  # no measure of anything


def test_hostile_states(record_property):
    bad = attack.hostile("bad", 2, "hostile.elf", "steps=states")
    vms = [*attack.neighbours(), bad]
    with attack.Session(attack.machine(vms, "hostile.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        match = attack.wait_line(session, STATES.pattern, SECONDS)
        attack.wait_line(session, r'vm "bad": power off', 60)
        tried, ended = map(int, match.groups())
        attack.no_bad(session)
        ends = [ENDS.search(line)[1] for line in attack.monitor_lines(session) if ENDS.search(line)]
        starts = [line for line in attack.monitor_lines(session) if 'vm "bad": start ' in line]
        print(f"{tried} states, {ended} ended the VM, {len(starts)} starts", *ends, sep="\n")
        assert len(ends) == ended == len(starts) - 1 > 0, ends
        assert ended < tried / 4, "most states are a core's own matter"
        attack.all_well(session)
        kinds = ", ".join(f"{ends.count(end)} by {end}" for end in sorted(set(ends)))
        record_property("seen", f"{tried} states, {ended} ended the VM: {kinds}")
