# SPDX-License-Identifier: Apache-2.0
"""The same hostile guest as the service VM, with what is a service VM's in other numbers: two VMs
without devices beside it answer with fresh nonces after each attack."""

import attack_machine as attack
import pytest
from emulator import CHOSEN

ATTACKS = {
    "smi": (("ports",), r"write of port 0xb2\b.*it belongs to the monitor"),
    "guarded-strings": (("ports",), r"string \w+ of port 0xcf9 at \S+ denied"),
    "apic": (("msrs", "memory"), r"write of MSR 0x1b\b.*it belongs to the monitor"),
    "icr": (("ipis",), r"IPI \S+ at \S+ denied: the core is not this VM's"),
    "icr-flood": (("ipis",), r"IPI \S+ at \S+ denied: the core is not this VM's"),
    "random-msrs": (("msrs",), r"of MSR 0x[0-9a-f]+ at \S+ denied"),
    "caches": (("msrs",), r"of MSR 0x[0-9a-f]+ at \S+ denied"),
    "registers": (("insns",), CHOSEN.virt),
    "hypercalls": (("insns", "messages"), r"IPI \S+ at \S+ denied: the core is not this VM's"),
    "hypercall-flood": (("insns", "messages"), None),
}


@pytest.fixture(scope="module")
def machine():
    """The hostile guest is the service VM."""
    with attack.as_service() as running:
        yield running


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in CHOSEN.unguarded])
def test_service_attack(machine, record_property, name):
    tried = machine.attack(name, *ATTACKS[name])
    record_property("seen", attack.figures(tried))
