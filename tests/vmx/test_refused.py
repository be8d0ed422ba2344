# SPDX-License-Identifier: Apache-2.0
"""A monitor whose VT-x back end asks for a control that no processor takes: the cores find out before
they say that they have it, and the VM goes on with its old controls."""

import os
import subprocess
import sys
from pathlib import Path

import attack_machine as attack
import pytest
from bochs_rig import BochsMachine, BochsSession
from linux import check_reports, control_vm, rehearsed
from mullion_host.machine import Vm

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/teeth"))

from trial import tree_sync  # noqa: E402

RIGHT = "[CONTROL_RDTSC] = {VMX_CPU_RDTSC, 0},"
WRONG = "[CONTROL_RDTSC] = {VMX_CPU_RDTSC, VMX_CPU2_X2APIC},"  # without a TPR shadow (SDM 27.2.1.1)
REFUSED = r'error: vm "web": core \d+ refuses the new controls: .*; all cores get their old ones'


@pytest.fixture(scope="module")
def image():
    """That monitor, built in a copy of the tree."""
    tree = Path(attack.BUILD) / "vmx-refused"
    tree.mkdir(exist_ok=True)
    tree_sync(TREE, tree, Path(attack.BUILD))
    controls = tree / "monitor/x86/vmx/controls.c"
    text = controls.read_text(encoding="utf-8")
    assert text.count(RIGHT) == 1
    controls.write_text(text.replace(RIGHT, WRONG), encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", "BUILD=build", "build/mullion.elf"], cwd=tree, env=clean, check=True)
    return str(tree / "build/mullion.elf")


def test_refused_controls(image, record_property):
    vms = [control_vm(256), Vm("web", 2, 192, "sleep")]
    machine = BochsMachine(attack.BUILD, vms, directory="run-vmx-refused", image=image,
                           initrd="guests/control.img")
    with BochsSession(machine) as session:
        check_reports(session)
        steps = rehearsed(session)
        said = "\n".join(steps[2][0])
        assert steps[2][1] == 1, said
        assert 'vm "web": its processor refuses the change' in said
        assert "web: nothing has changed" in "\n".join(steps[4][0])  # to its old controls
        assert not any("rdtsc" in line for i in (3, 5) for line in steps[i][0])
        line = attack.wait_line(session, REFUSED, 10)
        statistics = session.log.statistics()
        assert statistics.vms["web"]["state"] == "running"
        assert sum('vm "web": start ' in line for line in session.log.lines) == 1
        record_property("seen", line[0])
