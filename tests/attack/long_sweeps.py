# SPDX-License-Identifier: Apache-2.0
"""What takes minutes: each page of the machine's RAM, and each 2 MiB of the first TiB, by a VM; each
page of the RAM by a service VM, which sees it where it is."""

import attack_machine as attack
from test_sweeps import OWN, ram_of_a_vm, ram_of_the_service_vm, sweep

LARGE = 1536  # MiB


def test_every_page_of_the_ram(record_property):
    ram_of_a_vm(record_property, 1, LARGE)


def test_every_page_for_the_service_vm(record_property):
    ram_of_the_service_vm(record_property, 1)


def test_every_large_page_of_a_tib(record_property):
    sweep(attack.beside_a_vm(), "tib", record_property, 1 << 40 - 21, OWN // 2)
