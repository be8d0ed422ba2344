# SPDX-License-Identifier: Apache-2.0
"""A prepared kernel with its wedge on VT-x, in Bochs: the same pack as on SVM, the other instruction."""

import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "attack"), os.path.join(ROOT, "tests", "afterburn")]

import attack_machine as attack  # noqa: E402
import grounds  # noqa: E402
from bochs_rig import BochsMachine, BochsSession  # noqa: E402
from emulator import CHOSEN  # noqa: E402
from mullion_rig import Prepared, results  # noqa: E402

SECONDS = 300  # no measure of anything: only hangs take so long


def test_prepared(record_property):
    """It reaches user space, passes the workload, and calls by VMCALL."""
    boot = grounds.wedged(attack.BUILD, "mullion")
    vm = Prepared("web", "kernel", "initrd", cpus=2)
    machine = BochsMachine(attack.BUILD, [CHOSEN.neighbour("host", 64, service=True), vm],
                           kernels={**CHOSEN.kernels, "kernel": boot.kernel},
                           more={"initrd": boot.initrd}, directory="run-vmx-prepared")
    with BochsSession(machine) as session:
        attack.wait_line(session, r'cpu\d+ info: vm "web": power off', SECONDS)
        said = [line[6:] for line in session.log.lines if line.startswith("[web] ")]
        statistics = session.log.statistics(60)
        while statistics.vms["web"]["state"] != "off":
            statistics = session.log.statistics(60)
    counts = {}
    for (name, _, reason), number in statistics.exits.items():
        if name == "web":
            counts[reason] = counts.get(reason, 0) + number
    assert set(results(said, vm)) == set(grounds.STEPS)
    assert any(re.match(r"wedge: linux-6.1 on mullion: \d+ sites", line) for line in said)
    assert counts["hypercall"] > 0
    record_property("seen", f"exits {counts}")
