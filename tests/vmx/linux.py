# SPDX-License-Identifier: Apache-2.0
# What is asked of Linux VMs, whichever kernel they have.

import re
import time

from mullion_host import report
from mullion_host.machine import Vm

BOOT_SECONDS = 600  # no measure of anything: only hangs take so long
SETTLE_SECONDS, WINDOW_SECONDS = 2, 5
COUNTED = re.compile(r"web +\d+ +rdtsc +(\d+)")


def check_reports(session):
    """Each VM's kernel has all its cores, and the nonce that no other has."""
    spoken = session.wait_all(BOOT_SECONDS)
    for vm in session.machine.vms:
        assert (spoken[vm.name].nonce, spoken[vm.name].cpus) == (vm.nonce, vm.cpus)


def steady(session):
    """They reach user space, and then leave the guest for IPIs alone; the figures."""
    check_reports(session)
    time.sleep(SETTLE_SECONDS)
    before = session.log.statistics()
    time.sleep(WINDOW_SECONDS)
    after = session.log.statistics()
    difference = report.exits_between(before, after)
    exits, icr = report.steady_state(difference)
    booting = sum(before.exits.values())
    assert [vm["state"] for vm in after.vms.values()] == ["running"] * len(session.machine.vms)
    assert booting > 0
    assert exits == 0, difference
    return f"{booting} exits to user space, then {exits} and {icr} for IPIs"


def control_vm(memory):
    """A service VM whose command switches the counting of RDTSC in VM web on and off."""
    return Vm("host", 1, memory, "control", service=True, words="mullion.peer=web mullion.delay=200")


def steps_of(lines):
    """{number: (lines, status)} of the commands that role control has run."""
    steps, current = {}, []
    for line in lines:
        ended = re.fullmatch(r"MULLION-STATUS (\d+) (-?\d+)", line.strip())
        if line.startswith("MULLION-STEP "):
            current = []
        elif ended:
            steps[int(ended[1])] = current, int(ended[2])
        else:
            current.append(line)
    return steps


def rehearsed(session):
    """What role control has done, when it is through: see steps_of."""
    done = f"MULLION-DONE {session.machine.vms[0].nonce}"
    session.console.wait(lambda lines: done in map(str.strip, lines), BOOT_SECONDS)
    return steps_of(session.console.lines)


def changed(session):
    """RDTSC in VM web leaves the guest when the service VM says so, and only then; the figures."""
    check_reports(session)
    steps = rehearsed(session)
    assert [steps[i][1] for i in range(7)] == [0] * 7, session.last_words()
    assert any(re.match(r"web .*running", line) for line in steps[0][0])
    assert "web: rdtsc pass -> count" in map(str.strip, steps[2][0])
    assert "web: rdtsc count -> pass" in map(str.strip, steps[4][0])
    before, during, back, later = (sum(int(m[1]) for m in map(COUNTED.match, steps[i][0]) if m)
                                   for i in (1, 3, 5, 6))
    assert before == 0 < during <= back == later
    return f"{before}, then {during} to {back}, then {later - back} more"
