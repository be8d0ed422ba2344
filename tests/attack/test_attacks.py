# SPDX-License-Identifier: Apache-2.0
"""A hostile guest that does what is typed, attack after attack. After each one both neighbours
answer with fresh nonces, and the monitor has counted what the guest says that it has tried."""

import attack_machine as attack
import pytest
from emulator import CHOSEN

IPI = r"IPI \S+ at \S+ denied: the core is not this VM's"
VIRT = CHOSEN.virt
MSR = r"of MSR 0x[0-9a-f]+ at \S+ denied"
# An attack, the kinds that it must have tried, and what the monitor's log must have said by then.
# In this order: of a VM's denials of one kind the log holds only the first.
ATTACKS = {
    "virtio": (("memory", "messages"), r"read of address c1000000 at \S+ denied"),
    "smi": (("ports",), r"write of port 0xb2\b.*it belongs to the monitor"),
    "apic": (("msrs", "memory"), r"write of MSR 0x1b\b.*it belongs to the monitor"),
    "icr": (("ipis",), IPI),
    "icr-flood": (("ipis",), IPI),
    "random-msrs": (("msrs",), MSR),
    "all-msrs": (("msrs",), r"denials of MSRs logged; further ones are only counted"),
    "caches": (("ports", "msrs"), MSR),
    "xsetbv": ((), None),
    "cpuid": (("cpuids",), None),
    "registers": (("insns",), VIRT),
    "hypercalls": (("insns", "messages"), IPI),
    "hypercall-flood": (("insns", "messages"), None),
    "strings": (("ports",), r"string \w+ of port 0x[0-9a-f]+ at \S+ denied"),
    "vectors": (("ipis",), r"triple fault"),
    "tib-sample": (("memory",), r"denials of memory logged; further ones are only counted"),
}
@pytest.fixture(scope="module")
def machine():
    """The hostile guest is a VM like others."""
    with attack.beside_a_vm() as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(machine, record_property, name):
    tried = machine.attack(name, *ATTACKS[name])
    record_property("seen", attack.figures(tried))
