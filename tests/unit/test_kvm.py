#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The processor that `make run ACCEL=kvm` asks QEMU for, on hosts made of files."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))

from mullion_host import kvm
from mullion_host.steps import HostError


class Host(unittest.TestCase):
    def processor(self, nested, device=os.devnull):
        """On a host whose modules nest so: {module: its parameter}."""
        with tempfile.TemporaryDirectory() as modules:
            for module, value in nested.items():
                folder = os.path.join(modules, module, "parameters")
                os.makedirs(folder)
                with open(os.path.join(folder, "nested"), "w", encoding="ascii") as out:
                    out.write(value + "\n")
            return kvm.processor(modules, device)

    def test_nesting_hosts(self):
        self.assertEqual(self.processor({"kvm_intel": "Y"}), "host,+vmx,+x2apic")
        self.assertEqual(self.processor({"kvm_amd": "1"}), "host,+svm,+x2apic")

    def test_what_is_missing(self):
        for nested, device, text in (({"kvm_intel": "N"}, os.devnull, "modprobe kvm_intel nested=1"),
                                     ({"kvm_amd": "0"}, os.devnull, "modprobe kvm_amd nested=1"),
                                     ({"kvm_intel": "Y"}, "/nowhere/kvm", "group kvm"),
                                     ({}, os.devnull, "neither kvm_intel nor kvm_amd")):
            with self.subTest(text), self.assertRaisesRegex(HostError, text):
                self.processor(nested, device)


if __name__ == "__main__":
    unittest.main()
