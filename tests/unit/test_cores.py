#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cores of VMs that run: what is asked for before the change, and what is said of it."""

import unittest

from controlled import ControlTest
from mock_monitor import Vm

HOST = "service host { cpus 2; memory 1G }\n"
SETTLED = "2 cores have taken it, 12345 ticks\n"


class Cores(ControlTest):
    """The VM web has cores 2 and 3 of this machine; 4 is in the pool, 5 to 7 are Linux's."""

    def setUp(self):
        super().setUp()
        self.web = self.monitor.vm("web")
        self.web.record = self.record
        self.may, self.parked = "4-6", []  # what is parked at each look, then for good
        self.said = ""
        self.monitor.do_leave = lambda name: ""
        self.monitor.do_remain = lambda name: ""
        self.monitor.do_apply = lambda *_, body: self.said

    def record(self):
        parked = self.parked.pop(0) if len(self.parked) > 1 else (self.parked or ["none"])[0]
        return Vm.record(self.web).replace("\n", f" may {self.may} parked {parked}\n")

    def asked(self, *words):
        return [request for request in self.monitor.seen if request.split()[0] in words]

    def set(self, setting):
        self.monitor.seen.clear()
        return self.run_mullion("set", "web", setting)

    def test_one_goes(self):
        """The VM's cores are looked at until one is seen to be off, and then it is taken."""
        self.web.state = "running"
        self.parked = ["none", "none", "3"]
        self.said = "changed vm web what cpus old 2 new 1\ncore vm web id 3 cpu 1 way from\n"
        self.assertEqual(self.set("cpus=1"), (
            0, "web: cpus 2 -> 1\nweb: core 3, its CPU 1, is gone\n" + SETTLED, ""))
        self.assertEqual([word.split()[0] for word in self.asked("leave", "remain", "apply")],
                         ["leave", "apply"])

    def test_none_goes(self):
        """What is in use stays as it was; the monitor says which and what to do."""
        self.monitor.refuse["apply"] = 'vm "web": core 3, its CPU 1, is in use; write'
        self.assertEqual(self.set("cpus=1"),
                         (1, "", 'mullion: vm "web": core 3, its CPU 1, is in use; write\n'))
        self.assertEqual([word.split()[0] for word in self.asked("leave", "remain", "apply")],
                         ["leave", "remain", "apply"])

    def test_just_those(self):
        """Of a list another core's being off does not help."""
        self.parked = ["3"]
        self.set("cpus=3-3")
        self.assertEqual(len(self.asked("remain")), 1)
        self.set("cpus=2-2")
        self.assertEqual(self.asked("remain"), [])

    def test_nobody_to_ask(self):
        for state in ("off", "paused"):
            self.web.state = state
            self.set("cpus=1")
            self.assertEqual(self.asked("leave", "remain"), [])

    def test_one_comes(self):
        """From the pool, with what is to be written in the VM."""
        self.said = "changed vm web what cpus old 2 new 3\ncore vm web id 4 cpu 2 way to\n"
        self.assertEqual(self.set("cpus=3"), (
            0, "web: cpus 2 -> 3\nweb: core 4, its CPU 2, is there; write in the VM: echo 1 "
               ">/sys/devices/system/cpu/cpu2/online\n" + SETTLED, ""))
        self.assertEqual(self.asked("give", "leave"), [])

    def test_more_than_the_pool_has(self):
        """From Linux, but only what the VM's kernel knows of."""
        def apply(*_, body):
            self.assertIn(b"cpus 4\n", body)
            self.monitor.owner.update({4: "web", 6: "web"})
            return "changed vm web what cpus old 2 new 4\n"
        self.monitor.do_apply = apply
        self.set("cpus=4")
        self.assertEqual(self.asked("give"), ["give cpu 6"])
        self.assertEqual(self.state_of_linux()[0], [self.linux[6]])

    def test_listed(self):
        self.set("cpus=2-3,5")
        self.assertEqual(self.asked("give"), ["give cpu 5"])

    def test_back_after_a_refusal(self):
        self.monitor.refuse["apply"] = "no"
        self.assertEqual(self.set("cpus=4")[0], 1)
        self.assertEqual(self.asked("take"), ["take cpu 6"])
        self.assertEqual(self.state_of_linux()[0], [])

    def test_while_it_is_off(self):
        """Then any core will do."""
        self.web.state, self.may = "off", "none"
        self.set("cpus=4")
        self.assertEqual(len(self.asked("give")), 2)  # the core and its sibling

    def test_from_a_vm_that_loses_it(self):
        """It is not asked of Linux as well."""
        self.monitor.vms.append(Vm("db", 2, [8], 128 << 20, state="running"))
        db = self.monitor.vms[-1]
        db.record = lambda: Vm.record(db).replace("\n", " may 3,5 parked none\n")
        self.parked = ["3"]
        self.write("a.conf", HOST + "vm web { cpus 1; network lan }\nvm db { cpus 2; memory 128M }\n")
        self.run_mullion("apply", "a.conf")
        self.assertEqual(self.asked("give"), [])
        self.parked = ["none"]
        self.run_mullion("apply", "a.conf")
        self.assertEqual(self.asked("give"), ["give cpu 5"])

    def test_difference(self):
        self.write("a.conf", HOST + "vm web { cpus 1; network lan; cpus-most 4 }\n")
        status, out, err = self.run_mullion("diff", "a.conf")
        self.assertIn("~ web: cpus is any 2, would be any 1\n", out)
        self.assertIn("~ web: cpus-most is none, would be 4\n", out)
        self.assertIn("cannot change all of this", err)
        self.assertEqual(status, 0)
        self.write("a.conf", HOST + "vm web { cpus 1; network lan }\n")
        self.assertEqual(self.run_mullion("diff", "a.conf")[2], "")


if __name__ == "__main__":
    unittest.main()
