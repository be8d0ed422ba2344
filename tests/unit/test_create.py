#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VMs made from the pool and from what Linux releases; all of it put back where that fails."""

import os
import unittest

from controlled import BLOCK, MIB, VM_FILE, ControlTest

CPU = "sys/devices/system/cpu/cpu{}/online"
STATE = "sys/devices/system/memory/memory{}/state"


class Create(ControlTest):
    def setUp(self):
        super().setUp()
        self.before = (dict(self.monitor.owner), {b: list(m) for b, m in
                                                  self.monitor.memory.items()})

    def assert_all_back(self, *, merged=None):
        """The machine is as it was, and so is Linux. MERGED: what the pool's list looks like."""
        self.assertEqual(self.monitor.owner, self.before[0])
        owned = {}
        for size, owner in self.monitor.memory.values():
            owned[owner] = owned.get(owner, 0) + size
        self.assertEqual(owned, merged or {"host": 1024 * MIB, "web": 512 * MIB, "pool": 256 * MIB})
        self.assertEqual(self.state_of_linux(), ([], []))
        self.assertFalse(os.path.exists(self.path("run/mullion")) and
                         os.listdir(self.path("run/mullion")))

    def test_from_the_pool(self):
        self.write("a.conf", "vm db { cpus 1; memory 128M }\n")
        self.assertEqual(self.good("create", "a.conf"), "db: created, cores 4, memory 128 MiB\n")
        self.assertFalse([r for r in self.monitor.seen if r.startswith(("give", "upload"))])
        self.assertEqual(self.state_of_linux(), ([], []))
        self.assertEqual(self.monitor.vm("db").state, "off")

    def test_from_linux_and_back(self):
        """The pool lacks a core and 256 MiB: the last core, with its sibling, and the two highest
        blocks come from Linux; destroyed, they go back."""
        self.write("a.conf", VM_FILE)
        self.assertEqual(self.good("create", "a.conf"),
                         "db: created, cores 4,6, memory 512 MiB\n")
        gives = [r for r in self.monitor.seen if r.startswith("give")]
        self.assertEqual(gives, ["give cpu 7", "give cpu 6", "give memory 0x38000000 134217728",
                                 "give memory 0x30000000 134217728"])
        self.assertEqual(self.state_of_linux(), ([3, 4], [6, 7]))
        self.assertEqual(self.good("destroy", "db"), "db: destroyed\n")
        self.assert_all_back()

    def test_pool_that_keeps_some(self):
        """Not all that no VM has is for VMs: the monitor holds uploaded modules in it."""
        self.monitor.kept = 64 * MIB
        self.write("a.conf", "vm db { cpus 1; memory 256M }\n")
        self.good("create", "a.conf")
        self.assertEqual(self.state_of_linux(), ([], [7]))

    def test_gift_that_does_not_arrive(self):
        """A core that never comes to rest: it stays Linux's."""
        self.write("a.conf", "vm db { cpus 2; memory 128M }\n")
        self.monitor.looks = 10 ** 9
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, err), (4, "mullion: what was given has not all come into the "
                                            "pool after 5 s\n"))
        self.assert_all_back()

    def test_listed_cores(self):
        self.write("a.conf", "vm db { cpus 1-1; memory 128M }\n")
        self.monitor.do_create = lambda body: "created name db cpus 1 memory 1\n"
        self.good("create", "a.conf")
        self.assertIn("give cpu 1", self.monitor.seen)
        self.assertEqual(self.state_of_linux()[0], [1])

    def test_refused(self):
        """The monitor refuses at the end: modules, cores and memory go back."""
        self.write("a.conf", "vm db { cpus 2; memory 512M; kernel other }\n")
        self.write("other", "a kernel")
        self.monitor.refuse["create"] = "no"
        status, out, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, err), (1, "mullion: no\n"))
        self.assertEqual(out, "other: uploaded, 8 bytes\n")
        self.assertEqual(set(self.monitor.modules), {"vmlinuz"})
        self.assertIn("give cpu 7", self.monitor.seen)
        self.assert_all_back()

    def test_gift_refused(self):
        """The monitor does not take a block: it stays Linux's, on line."""
        self.write("a.conf", VM_FILE)
        self.monitor.do_give = (lambda give: lambda kind, *rest: give(kind, *rest) if kind == "cpu"
                                else self.refuse_block())(self.monitor.do_give)
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, err), (1, "mullion: not this one\n"))
        self.assert_all_back()

    @staticmethod
    def refuse_block():
        from mock_monitor import Refused
        raise Refused("not this one")

    def test_core_and_block_that_linux_keeps(self):
        """Others are taken instead, and the reasons are told."""
        self.write("a.conf", VM_FILE)
        self.refuse(CPU.format(4))
        self.refuse(STATE.format(7))
        self.write("sys/devices/system/memory/memory6/removable", "0\n")
        status, out, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, out), (0, "db: created, cores 4,6, memory 512 MiB\n"))
        self.assertEqual(err.splitlines(), [
            "mullion: Linux keeps core 7 (its CPU 4): Operation not permitted",
            "mullion: Linux keeps memory block 7 (128M at 0x38000000): Operation not permitted "
            "(zone Normal)",
            "mullion: Linux keeps memory block 6 (128M at 0x30000000): Linux says that it is not "
            "removable"])
        self.assertEqual(self.state_of_linux(), ([3], [4, 5]))

    def test_cores_that_linux_keeps(self):
        self.write("a.conf", "vm db { cpus 5; memory 512M }\n")
        for number in (1, 2):
            self.refuse(CPU.format(number))
        status, out, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("core 0 (its CPU 0): Linux cannot do without it", err)
        self.assertIn("mullion: 2 more cores are needed, and Linux does not release them", err)
        self.assertNotIn("create", " ".join(self.monitor.seen))
        self.assert_all_back()

    def test_memory_that_linux_keeps(self):
        self.write("a.conf", "vm db { cpus 2; memory 2048M }\n")
        self.refuse(STATE.format(0))
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual(status, 1)
        self.assertIn("896M more memory is needed, and Linux does not release it", err)
        self.assert_all_back()

    def test_connection_lost(self):
        """What the monitor has kept is not switched on line."""
        self.write("a.conf", VM_FILE)
        self.monitor.raw = {"create": b""}
        self.monitor.refuse["take"] = "not now"
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual(status, 3)
        self.assertIn("not all cores and memory came back", err)
        self.assertEqual(self.state_of_linux(), ([3, 4], [6, 7]))
        del self.monitor.refuse["take"]
        self.good("destroy", "web")  # the pool has these still, and what was web's
        self.assertEqual(self.state_of_linux(), ([], []))

    def test_uploads(self):
        """Beside the file, in /var/lib/mullion, in /boot; once each, and not what is there."""
        self.write("conf/a.conf", "vm a { cpus 1; memory 64M; kernel one; initrd two }\n"
                                  "vm b { cpus 0; like a }\n".replace("cpus 0; ", "cpus 1; ") +
                                  "vm c { cpus 1; memory 64M; initrd three; modules one }\n")
        self.write("conf/one", "1")
        self.write("boot/one", "not this")
        self.write("var/lib/mullion/two", "22")
        self.write("boot/three", "333")
        self.monitor.do_create = lambda body: "created name a\n"
        out = self.good("create", "conf/a.conf")
        self.assertEqual(out.splitlines()[:3], ["one: uploaded, 1 bytes", "two: uploaded, 2 bytes",
                                                "three: uploaded, 3 bytes"])
        self.assertEqual(len([r for r in self.monitor.seen if r.startswith("upload")]), 3)

    def test_modules_need_room(self):
        """They lie in the pool, too: it must be larger by them."""
        self.write("a.conf", "vm db { cpus 1; memory 256M; kernel one }\n")
        self.write("one", b"1" * 100)
        self.good("create", "a.conf")
        self.assertEqual(self.state_of_linux(), ([], [7]))

    def test_upload_without_room(self):
        """The pool has enough, but not in one piece: the second try brings more."""
        self.write("a.conf", "vm db { cpus 1; memory 254M; kernel one }\n")
        self.write("one", b"1" * 100)
        upload = self.monitor.do_upload

        def when_there_is_more(name, body):
            if sum(s for s, owner in self.monitor.memory.values() if owner == "pool") <= 256 * MIB:
                self.refuse_block()
            return upload(name, body=body)
        self.monitor.do_upload = when_there_is_more
        status, out, err = self.run_mullion("create", "a.conf")
        self.assertEqual((status, err.splitlines()[0]), (0, "mullion: not this one"))
        self.assertIn("db: created", out)
        self.assertEqual(self.state_of_linux(), ([], [7]))

    def test_missing_module(self):
        self.write("a.conf", "vm db { cpus 4; memory 512M; kernel none }\n")
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual(status, 1)
        self.assertIn('a.conf: vm "db": the monitor has no none,', err)
        self.assert_all_back()

    def test_places_in_refusals(self):
        """The monitor names lines of the text that it was sent."""
        self.write("a.conf", "vm db { cpus 1; memory 64M }\n")
        self.monitor.refuse["create"] = '1:9: vm "db": no\n3 things'
        self.assertEqual(self.run_mullion("create", "a.conf"),
                         (1, "", 'a.conf:1:9: vm "db": no\na.conf:3 things\n'))

    def test_forget(self):
        """A block in which an uploaded module lies comes back when that goes."""
        self.monitor.memory[7 * BLOCK] = [BLOCK, "pool"]
        self.monitor.memory[0][0] -= BLOCK
        self.write("sys/devices/system/memory/memory7/state", "offline\n")
        self.monitor.modules["mine"] = [5, "yes"]
        self.good("forget", "mine")
        self.assertEqual(self.state_of_linux(), ([], []))
        self.assertEqual(self.monitor.memory[7 * BLOCK], [BLOCK, "host"])

    def test_like_and_names(self):
        self.write("a.conf", "\nvm db { like web\n cpus 1; memory 64M }\n")
        self.good("create", "a.conf")
        for text, error in (("vm web { }", 'b.conf:1:1: vm "web": there is a VM of this name'),
                            ("service x { }", 'b.conf:1:1: vm "x": the service VM is there'),
                            ("vm a { like nobody }", 'b.conf:1:13: vm "a": like nobody names no'),
                            ("\nvm a { cpus 0 }", 'b.conf:2:13: vm "a": cpus 0 is no core'),
                            ("vm a { cpus 1", 'b.conf: vm "a": the block is not closed'),
                            ("vm a { peers nobody }", 'b.conf:1:8: vm "a": peers nobody names')):
            self.write("b.conf", text)
            status, out, err = self.run_mullion("create", "b.conf")
            self.assertEqual((status, out), (1, ""), text)
            self.assertTrue(err.startswith(error), err)
        self.assertEqual(self.run_mullion("create", "none.conf")[0], 2)

    def test_configuration_that_is_none(self):
        self.write("a.conf", VM_FILE)
        self.monitor.raw = {"config": b"ok 4\nwhat"}
        status, _, err = self.run_mullion("create", "a.conf")
        self.assertEqual(status, 3)
        self.assertIn("makes no sense", err)

    def test_apply(self):
        """web goes; db comes, with a core and memory from Linux."""
        self.write("a.conf", "service host { cpus 2; memory 1G }\n" + VM_FILE)
        out = self.good("apply", "a.conf")
        self.assertEqual(out.splitlines()[0], "web: destroyed")
        self.assertTrue(out.splitlines()[1].startswith("db: created, cores "), out)
        self.assertEqual([vm.name for vm in self.monitor.vms], ["host", "db"])

    def test_apply_of_what_is(self):
        """The machine as it is, applied, changes nothing."""
        self.write("a.conf", self.good("config"))
        self.assertEqual(self.good("apply", "a.conf"), "")
        self.assert_all_back()

    def test_apply_refused(self):
        self.write("a.conf", "service host { cpus 2 }\n" + VM_FILE)
        self.monitor.refuse["apply"] = "host differs: memory"
        self.assertEqual(self.run_mullion("apply", "a.conf"),
                         (1, "", "mullion: host differs: memory\n"))
        self.assert_all_back()


if __name__ == "__main__":
    unittest.main()
