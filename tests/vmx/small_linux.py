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
from linux import changed, control_vm, steady
from mullion_host.machine import Machine, Vm
from mullion_host.session import Session

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
EMULATORS = {"bochs": (BochsMachine, BochsSession), "qemu": (Machine, Session)}


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


def test_change_while_it_runs(start, record_property):
    """RDTSC in VM web leaves the guest when the service VM says so, and only then."""
    record_property("seen", changed(start([control_vm(64), Vm("web", 2, 64, "sleep")])))
