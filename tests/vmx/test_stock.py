# SPDX-License-Identifier: Apache-2.0
"""Stock Debian kernels, with several cores each, on VT-x in Bochs."""

import attack_machine as attack
from bochs_rig import BochsMachine, BochsSession
from linux import changed, control_vm, steady
from mullion_host.machine import Vm


def test_two_stock_kernels(record_property):
    vms = [Vm("web", 2, 256, "sleep"), Vm("db", 2, 192, "busy")]
    with BochsSession(BochsMachine(attack.BUILD, vms, directory="run-vmx-stock")) as session:
        record_property("seen", steady(session))


def test_change_while_it_runs(record_property):
    """The service VM's kernel is a stock one, too, and so are its drivers."""
    vms = [control_vm(256), Vm("web", 2, 192, "sleep")]
    machine = BochsMachine(attack.BUILD, vms, directory="run-vmx-change",
                           initrd="guests/control.img")
    with BochsSession(machine) as session:
        record_property("seen", changed(session))
