#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion probe` where files of /proc and /sys are missing, cut, binary, or no files."""

import os
import random
import re
import shutil
import tempfile
import unittest

import probe_machines as machines
from probe_machines import MACHINES, plant
from probed import Probed, ProbeTest, check_config, run


class Damage(ProbeTest):
    def test_damage(self):
        """Files that are missing, cut, not text, or no files: never a crash, always a good text."""
        chance = random.Random(7)
        whole = {**machines.uefi(True), **machines.topology(16, 2, 2, 32 << 30),
                 "/proc/tty/driver/serial": "1: uart:16550A port:000002F8 irq:3\n",
                 "/sys/bus/pnp/devices/00:04/resources": "state = active\nio 0x2f8-0x2ff\n"}
        skipped = re.compile(r".*/cpu[1-9]\d*/")
        paths = [path for path in whole if not skipped.match(path)]
        huge = ["0-4294967295\n", "0-18446744073709551616,3\n", "9" * 5000, "0-65535\n", "5-2\n",
                "MemTotal: 99999999999999999999 kB\n", "MemTotal: 18014398509481983 kB\n",
                "Node 0 MemTotal: 18446744073709551615 kB\n", "\0" * 200, ",,,-", "\n" * 9]
        plant(self.folder, whole)
        runs = 0
        configs = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, configs)
        for path in paths:
            text = whole[path] if isinstance(whole[path], bytes) else whole[path].encode()
            damaged = [None, b"", text[:len(text) // 2], text.rstrip(b"\n"), chance.randbytes(3000),
                       bytes(chance.choice(b"\x1b[0x: ,-9=\n") for _ in range(500)),
                       text.replace(b"0", b"\xff"), chance.choice(huge).encode(), "folder"]
            for data in damaged:
                self.damage(self.folder + path, data)
                name = os.path.join(configs, str(runs))
                self.damage(name, self.survives(path, data).encode())
                runs += 1
            self.damage(self.folder + path, text)
        names = [os.path.join(configs, str(i)) for i in range(runs)]
        self.assertEqual(run("check", *names)[0::2], (0, ""))
        self.assertGreater(runs, 150)

    def test_nothing_there(self):
        shutil.rmtree(self.folder)
        for _ in range(2):  # no such folder, then an empty one
            self.assertEqual(check_config(self.survives("all", None))[0], 0)
            os.makedirs(self.folder, exist_ok=True)

    def test_many_at_once(self):
        chance = random.Random(11)
        for _ in range(25):
            shutil.rmtree(self.folder)
            machine = dict(MACHINES[chance.choice(("odd", "intel", "uefi", "kvm"))])
            for path in chance.sample(sorted(machine), min(len(machine), 8)):
                machine[path] = chance.randbytes(chance.choice((0, 1, 5, 64, 9000)))
            plant(self.folder, machine)
            self.assertEqual(check_config(self.survives("several", None))[0], 0)

    @staticmethod
    def damage(full, data):
        """Put DATA in the place of a file; None: nothing, "folder": a folder."""
        shutil.rmtree(full) if os.path.isdir(full) else os.path.exists(full) and os.remove(full)
        if data == "folder":
            os.makedirs(full)
        elif data is not None:
            with open(full, "wb") as file:
                file.write(data)

    def survives(self, path, data):
        """The configuration that is printed after a whole report."""
        status, out, err = run("probe", "--root", self.folder)
        self.assertIn(status, (0, 1), (path, data, err))
        self.assertEqual(err, "", (path, data))
        self.assertNotRegex(out, r"[^\n -~]")
        probed = Probed(status, out)
        self.assertGreaterEqual(len(probed.items), 16)
        return probed.config


if __name__ == "__main__":
    unittest.main()
