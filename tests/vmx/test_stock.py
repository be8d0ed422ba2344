# SPDX-License-Identifier: Apache-2.0
"""Stock Debian kernels, with several cores each, on VT-x in Bochs."""

import attack_machine as attack
from bochs_rig import BochsMachine, BochsSession
from linux import steady
from mullion_host.machine import Vm


def test_two_stock_kernels(record_property):
    vms = [Vm("web", 2, 256, "sleep"), Vm("db", 2, 192, "busy")]
    with BochsSession(BochsMachine(attack.BUILD, vms, directory="run-vmx-stock")) as session:
        record_property("seen", steady(session))
