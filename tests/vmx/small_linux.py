# SPDX-License-Identifier: Apache-2.0
# SMP Linux VMs of the small kernel, on VT-x in Bochs and on SVM in QEMU; a service VM that changes
# what leaves another one, while that runs. BUILD names the build directory.

import os
import re
import sys

import pytest

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(__file__)]

from bochs_rig import BochsMachine, BochsSession
from linux import BOOT_SECONDS, check_reports, steady
from mullion_host.machine import Machine, Vm
from mullion_host.session import Session

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
EMULATORS = {"bochs": (BochsMachine, BochsSession), "qemu": (Machine, Session)}
COUNTED = re.compile(r"web +\d+ +rdtsc +(\d+)")


@pytest.fixture(params=EMULATORS)
def start(request):
    """start(vms) is a running machine of VMs with the small kernel, ended with the test."""
    machine_of, session_of = EMULATORS[request.param]
    sessions = []

    def started(vms):
        name = re.sub(r"\W+", "-", request.node.name).strip("-")
        machine = machine_of(BUILD, vms, kernels={"vmlinuz": "guests/vmlinuz-small"},
                             initrd="guests/small.img", directory=f"run-vmx/{name}")
        sessions.append(session_of(machine))
        return sessions[0].__enter__()

    yield started
    for session in sessions:
        session.end()


def test_two_linux(start, record_property):
    """After their boot they leave the guest for IPIs alone, while one sleeps and wakes and one computes."""
    session = start([Vm("web", 2, 64, "sleep"), Vm("db", 2, 64, "busy")])
    record_property("seen", steady(session))


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


def test_change_while_it_runs(start, record_property):
    """RDTSC in VM web leaves the guest when the service VM says so, and only then."""
    service = Vm("host", 1, 64, "control", service=True,
                 words="mullion.peer=web mullion.delay=200")
    session = start([service, Vm("web", 2, 64, "sleep")])
    check_reports(session)
    done = f"MULLION-DONE {service.nonce}"
    session.console.wait(lambda lines: done in map(str.strip, lines), BOOT_SECONDS)
    steps = steps_of(session.console.lines)
    assert [steps[i][1] for i in range(7)] == [0] * 7, session.last_words()
    assert any(re.match(r"web .*running", line) for line in steps[0][0])
    assert "web: rdtsc pass -> count" in map(str.strip, steps[2][0])
    assert "web: rdtsc count -> pass" in map(str.strip, steps[4][0])
    before, during, back, later = (sum(int(m[1]) for m in map(COUNTED.match, steps[i][0]) if m)
                                   for i in (1, 3, 5, 6))
    record_property("seen", f"{before}, then {during} to {back}, then {later - back} more")
    assert before == 0 < during <= back == later
