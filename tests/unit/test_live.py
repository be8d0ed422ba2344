#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Settings of VMs that run: apply, set and undo, and what they say of a change in between."""

import os
import stat
import unittest

from controlled import VM_FILE, ControlTest

HOST = "service host { cpus 2; memory 1G }\n"
WEB = "vm web {{ cpus 2; network lan; {} }}\n"
SETTLED = "2 cores have taken it, 12345 ticks\n"


class LiveTest(ControlTest):
    def setUp(self):
        super().setUp()
        self.web = self.monitor.vm("web")

    def asked(self, word):
        return [request for request in self.monitor.seen if request.split()[0] == word]

    def somebody_sets(self, *lines):
        """A change that is not ours."""
        def change():
            self.web.controls = list(lines)
            self.monitor.generation += 1
        return change


class Apply(LiveTest):
    def apply(self, controls, *args):
        self.write("a.conf", HOST + WEB.format(controls))
        return self.run_mullion("apply", *args, "a.conf")

    def test_settings(self):
        """Old and new of each setting, and then a look until all cores have it."""
        self.monitor.cores = [2, 0, 1, 2]
        self.web.controls = ["port 0x70 allow", "msr 0x10 deny"]
        self.assertEqual(self.apply("port 0x70 deny; msr 0x20 read allow"),
                         (0, "web: port-0x70 allow -> deny\nweb: msr-0x10 deny -> none\n"
                             "web: msr-0x20-read none -> allow\n" + SETTLED, ""))
        self.assertEqual(self.asked("settle"), ["settle"] * 3)
        self.assertEqual(len(self.asked("apply")[0].split()), 2)  # whatever there is

    def test_nothing(self):
        self.web.controls = ["port 0x70 deny"]
        self.assertEqual(self.apply("port 0x70 deny"), (0, "", ""))
        self.assertEqual(self.asked("settle"), [])
        self.assertFalse(os.path.exists(self.path("run/mullion/undo")))

    def test_one_core_and_none(self):
        self.monitor.cores = [1, 1]
        self.assertIn("\n1 core has taken it, 12345 ticks\n", self.apply("port 0x70 deny")[1])
        self.monitor.cores = [0, 0]
        self.assertIn("no core runs these VMs", self.apply("port 0x70 allow")[1])

    def test_processor_that_refuses_it(self):
        """When it enters the VM: all cores have what they had, and the command says so."""
        self.monitor.refused = ["web"]
        status, out, err = self.apply("port 0x70 deny")
        self.assertEqual((status, out), (1, "web: port-0x70 none -> deny\n" + SETTLED))
        self.assertEqual(err, 'mullion: vm "web": its processor refuses the change; its controls are '
                              "as they were; see: mullion log\n")

    def test_core_that_does_not_take_it(self):
        """It is told, and can be undone."""
        self.monitor.cores = [2, 1]
        status, out, err = self.apply("port 0x70 deny", "--timeout", "1")
        self.assertEqual((status, out), (4, "web: port-0x70 none -> deny\n"))
        self.assertEqual(err, "mullion: 1 of 2 cores have taken it so far; see: mullion log\n")
        self.monitor.cores = [2, 2]
        self.good("undo")
        self.assertEqual(self.web.controls, [])

    def test_with_new_and_old_vms(self):
        """In one transaction with VMs that come; all of it can be undone."""
        self.write("a.conf", HOST + WEB.format("port 0x70 deny") +
                   VM_FILE.replace("cpus 2", "cpus 1").replace("512M", "128M"))
        self.assertEqual(self.good("apply", "a.conf").splitlines(), [
            "web: port-0x70 none -> deny", "db: created, cores 4, memory 128 MiB",
            SETTLED.strip()])
        self.assertEqual(self.good("undo").splitlines(), [
            "web: port-0x70 deny -> none", "db: destroyed", SETTLED.strip()])


    def test_with_what_comes_back(self):
        """A VM goes, and its core and memory come back to Linux, which may count as a change."""
        self.good("create", "-", text=VM_FILE)
        self.monitor.meanwhile["take"] = self.somebody_sets()
        self.assertEqual(self.apply("")[:2], (0, "db: destroyed\n"))
        self.assertNotIn("take", self.monitor.meanwhile)
        self.assertEqual(self.good("undo"), "db: created, cores 4,6, memory 512 MiB\n")


class Memory(LiveTest):
    """A VM that may have up to 1 GiB grows and shrinks, as far and as fast as its kernel does."""

    def setUp(self):
        super().setUp()
        self.web.most = 1024
        self.monitor.cores = [0, 0]

    def test_grows_and_shrinks(self):
        """It is waited for; a change of nothing but memory concerns no core."""
        self.monitor.memory_now = [(512, "yes"), (600, "yes"), (640, "yes")]
        self.assertEqual(self.run_mullion("set", "web", "memory=640M"),
                         (0, "web: memory 512M -> 640M\nweb: has 640M\n", ""))
        self.assertEqual(self.asked("settle"), ["settle"] * 3)
        self.monitor.memory_now = [(640, "yes"), (512, "yes")]
        self.assertEqual(self.good("undo"), "web: memory 640M -> 512M\nweb: has 512M\n")

    def test_beside_controls(self):
        self.monitor.cores = [2, 0, 1, 2]
        self.monitor.memory_now = [(640, "yes")]
        self.assertEqual(self.good("set", "web", "memory=640M", "rdtsc=count"),
                         "web: memory 512M -> 640M\nweb: rdtsc none -> count\n" + SETTLED +
                         "web: has 640M\n")

    def test_what_is_not_released(self):
        """It is said, both ways; the next command may find it there."""
        for wanted, now, said in (
                (256, 300, "its kernel still has 300M and is to have 256M; it goes on releasing"),
                (768, 300, "its kernel has taken 300M of 768M so far")):
            self.monitor.memory_now = [(now, "yes")]
            status, out, err = self.run_mullion("set", "--timeout", "1", "web",
                                                f"memory={wanted}M")
            self.assertEqual((status, out.count("->"), out.count("\n")), (4, 1, 1))
            self.assertEqual(err, f"mullion: web: {said}; see: mullion show web\n")

    def test_without_driver(self):
        """A VM that is off, or has not loaded its driver, is not waited for."""
        self.monitor.memory_now = [(512, "no")]
        self.assertEqual(self.good("set", "web", "memory=768M"),
                         "web: memory 512M -> 768M\n"
                         "web: has 512M; 768M when its kernel loads virtio_mem\n")
        self.assertEqual(self.asked("settle"), ["settle"])

    def test_of_the_service_vm(self):
        """What the pool lacks comes from Linux, and goes back to it."""
        self.monitor.memory_now = [(896, "yes")]
        self.good("set", "web", "memory=896M")
        self.assertEqual(len([r for r in self.monitor.seen if r.startswith("give memory")]), 1)

    def test_diff(self):
        text = self.good("config").replace("memory 512M", "memory 768M")
        self.assertEqual(self.run_mullion("diff", "-", text=text),
                         (0, "~ web: memory is 512M, would be 768M\n", ""))
        status, out, err = self.run_mullion("diff", "-", text=text.replace("most 1024M", "most 2G"))
        self.assertIn("~ web: memory-most is 1G, would be 2G\n", out)
        self.assertIn("destroy it first", err)


class Set(LiveTest):
    def test_text(self):
        """The lines stand at the end of the VM's block, and the change is of what was read."""
        self.monitor.vms.append(self.monitor.vms.pop(0))  # what follows the block stays
        before = self.monitor.do_config()
        self.monitor.generation = 77
        out = self.good("set", "web", "port 0x70-0x71=deny", "msr 0x1a0 write=deny")
        self.assertEqual(out, "web: port-0x70-0x71 none -> deny\n"
                              "web: msr-0x1a0-write none -> deny\n" + SETTLED)
        expected = before.replace("lan\n}", "lan\n    port 0x70-0x71 deny\n"
                                            "    msr 0x1a0 write deny\n}")
        self.assertEqual(self.monitor.bodies[0].decode(), expected)
        self.assertEqual(self.asked("apply"), [f"apply 77 {len(expected)}"])

    def test_what_is_replaced(self):
        """A line about just the same goes, so that a block does not grow; others stay."""
        for old, setting, new in (
                (["port 0x70-0x71 deny"], "port 0x70-0x71=allow", ["port 0x70-0x71 allow"]),
                (["port 0x70-0x70 deny"], "port  112=allow", ["port  112 allow"]),
                (["port 0x70-0x71 deny"], "port 0x70=allow",
                 ["port 0x70-0x71 deny", "port 0x70 allow"]),
                (["msr 0x10 read deny"], "msr 0x10=allow",
                 ["msr 0x10 read deny", "msr 0x10 allow"]),
                (["cpuid 0x7 ebx mask 0x1"], "cpuid=count",
                 ["cpuid 0x7 ebx mask 0x1", "cpuid count"]),
                (["cpuid 0x7 ebx mask 0x1"], "cpuid 7 ebx mask=0x3", ["cpuid 7 ebx mask 0x3"]),
                (["cr0 0x10000 count"], "cr0=log", ["cr0 log"]),
                (["msr 0x10 read deny", "msr 0x10 write deny"], "msr 0x10 read=allow",
                 ["msr 0x10 write deny", "msr 0x10 read allow"])):
            self.web.controls = old
            self.good("set", "web", setting)
            block = self.monitor.bodies[-1].decode().split("lan\n")[1].split("}")[0]
            self.assertEqual([line.strip() for line in block.splitlines()], new, setting)

    def test_any_setting(self):
        """Not only controls: what cannot be changed live is the monitor's to say."""
        self.monitor.refuse["apply"] = "web differs: memory"
        status, _, err = self.run_mullion("set", "web", "memory=1G", 'cmdline="a {b} #c"')
        self.assertEqual((status, err), (1, "mullion: web differs: memory\n"))
        body = self.monitor.bodies[0].decode()
        self.assertNotIn("512M", body)
        self.assertIn('    memory 1G\n    cmdline "a {b} #c"\n}', body)

    def test_errors(self):
        """Told by the setting, not by a line of a text that nobody has seen; nothing is asked."""
        self.web.controls = ["msr 0x10 allow"]  # is replaced: the lines behind it move up
        for setting, reason in (("port 0x70=what", 'what is not known; write'),
                                ("msr read=deny", 'msr'), ("zzz=1", "zzz"),
                                ("port 0x71-0x70=deny", "port")):
            status, out, err = self.run_mullion("set", "web", "msr 0x10=deny", setting)
            self.assertEqual((status, out), (1, ""), err)
            self.assertTrue(err.startswith(f'mullion: {setting}: vm "web": '), err)
            self.assertIn(reason, err)
        self.assertEqual(self.asked("apply"), [])

    def test_refusal(self):
        """The monitor's reasons have lines of that text: ours is the last of the block."""
        line = self.monitor.do_config().splitlines().index("    network lan") + 2
        self.monitor.refuse["apply"] = (f"{line}:5: this processor has no such event\n"
                                        f"1:1: another line\nand no line")
        self.assertEqual(self.run_mullion("set", "web", "port 0x70=deny"), (
            1, "", "mullion: port 0x70=deny: this processor has no such event\n"
                   "mullion: another line\nmullion: and no line\n"))
        self.monitor.raw = {"apply": b"error 0\n"}
        self.assertIn("does not say why", self.run_mullion("set", "web", "port 0x70=deny")[2])

    def test_no_settings(self):
        for args in (("web", "rdtsc"), ("web", "=count"), ("web", "rdtsc="), ("web",), (),
                     ("we b", "port 1=deny"), ("web", "port 1=deny\n}"), ("web", "port 1=deny }"),
                     ("web", "port 1=deny;msr 1"), ("web", 'cmdline="a'), ("web", "port 1=deny #")):
            self.assertEqual(self.run_mullion("set", *args)[0], 2, args)
        self.assertEqual(self.monitor.seen, [])

    def test_no_such_vm(self):
        self.assertEqual(self.run_mullion("set", "nobody", "port 0x70=deny"),
                         (1, "", 'mullion: there is no VM "nobody"; see: mullion list\n'))

    def test_change_in_between(self):
        """At any moment: it is refused, with what has happened, and loses nothing."""
        for moment in ("config", "apply"):
            self.web.controls = ["msr 0x10 deny"]
            self.monitor.meanwhile[moment] = self.somebody_sets("port 0x80 deny")
            status, out, err = self.run_mullion("set", "web", "port 0x70=deny")
            self.assertEqual((status, out), (1, ""))
            self.assertIn("the machine was changed in between", err)
            if moment == "apply":
                self.assertTrue(err.endswith("  vm web {\n-     msr 0x10 deny\n"
                                             "+     port 0x80 deny\n"), err)
            self.assertEqual(self.web.controls, ["port 0x80 deny"])

    def test_nothing(self):
        self.web.controls = ["port 0x70 deny"]
        self.assertEqual(self.good("set", "web", "port 0x70=deny"), "web: nothing has changed\n")

    def test_monitor_without_numbers(self):
        self.monitor.raw = {"version": b"ok 20\nversion monitor 0.1\n"}
        status, out, err = self.run_mullion("set", "web", "port 0x70=deny")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("does not number its configurations", err)


class Undo(LiveTest):
    def test_there_and_back(self):
        """Also undo can be undone. Only root can read what is kept."""
        self.good("set", "web", "port 0x70=deny")
        mode = os.stat(self.path("run/mullion/undo")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(self.good("undo"), "web: port-0x70 deny -> none\n" + SETTLED)
        self.assertEqual(self.good("undo"), "web: port-0x70 none -> deny\n" + SETTLED)
        self.assertEqual(os.listdir(self.path("run/mullion")), ["undo"])

    def test_only_the_last(self):
        self.good("set", "web", "port 0x70=deny")
        self.good("set", "web", "port 0x80=deny")
        self.good("set", "web", "port 0x80=deny")  # which changes nothing
        self.assertEqual(self.good("undo"), "web: port-0x80 deny -> none\n" + SETTLED)

    def test_failed_change(self):
        """It does not push out what can be undone."""
        self.good("set", "web", "port 0x70=deny")
        self.monitor.refuse["apply"] = "no"
        self.assertEqual(self.run_mullion("set", "web", "port 0x80=deny")[0], 1)
        del self.monitor.refuse["apply"]
        self.assertEqual(self.good("undo"), "web: port-0x70 deny -> none\n" + SETTLED)

    def test_other_changes(self):
        """A VM that was made since would be destroyed by it."""
        self.good("set", "web", "port 0x70=deny")
        self.good("create", "-", text="vm db { cpus 1; memory 128M }\n")
        status, out, err = self.run_mullion("undo")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("undo would lose that; see: mullion diff /run/mullion/undo", err)
        self.assertEqual(len(self.asked("apply")), 1)

    def test_change_in_between(self):
        self.good("set", "web", "port 0x70=deny")
        self.monitor.meanwhile["apply"] = self.somebody_sets("port 0x80 deny")
        status, out, err = self.run_mullion("undo")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("+     port 0x80 deny\n", err)
        self.assertEqual(self.web.controls, ["port 0x80 deny"])

    def test_nothing_to_undo(self):
        status, out, err = self.run_mullion("undo")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("there is nothing to undo", err)

    def test_damaged(self):
        for text in ("", "vm web { }\n", "# Before configuration \n", "\0",
                     "# before configuration 1\n"):
            self.write("run/mullion/undo", text)
            self.assertEqual(self.run_mullion("undo"),
                             (2, "", "mullion: /run/mullion/undo: this file is damaged\n"))
        self.assertEqual(self.asked("apply"), [])

    def test_not_kept(self):
        """The change has been made: that it cannot be undone is no failure of it."""
        self.write("run/mullion", "a file where a folder should be")
        status, out, err = self.run_mullion("set", "web", "port 0x70=deny")
        self.assertEqual((status, out), (0, "web: port-0x70 none -> deny\n" + SETTLED))
        self.assertIn("this change cannot be undone", err)


if __name__ == "__main__":
    unittest.main()
