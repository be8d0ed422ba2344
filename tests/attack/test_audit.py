# SPDX-License-Identifier: Apache-2.0
"""The hostile guest in a VM with `unlisted audit`, which is allowed more: nothing that reaches
others. It checks itself that no MSR takes a write and that foreign ports read as ones."""

import re

import attack_machine as attack
import pytest

# The kinds that an attack must have tried. In this order: the log has the first 50 denials of MSRs.
ATTACKS = {"all-msrs": ("msrs",), "random-msrs": ("msrs",), "ports": ("ports",),
           "strings": ("ports",), "caches": ("ports", "msrs")}
CONSTANT, OTHER = "0x17", "0x16"  # two MSRs of which only the first is harmless to read


@pytest.fixture(scope="module")
def machine():
    """The hostile guest is a VM like others, audited."""
    with attack.beside_a_vm(settings="; unlisted audit") as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_audited_attack(machine, record_property, name):
    tried = machine.attack(name, ATTACKS[name])
    named = {match[1] for match in (re.search(r'vm "bad": \w+ of MSR (0x[0-9a-f]+) at', line)
                                    for line in attack.monitor_lines(machine)) if match}
    assert CONSTANT not in named, "the VM is not audited"
    assert OTHER in named, "an audited VM is not denied what is not harmless"
    record_property("seen", attack.figures(tried))
