#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The file of the next boot: what replaces it, what is left of it, and VMs that are not as it says."""

import os
import unittest

from controlled import ControlTest

SAVED = "boot/mullion/mullion.conf"
TEXT = """# mine
service host { cpus 2; memory 1G }
profile quiet { rdtsc count }  # shared
vm web {
    cpus 2      # two
    network lan
    profile quiet
}
"""


class Saved(ControlTest):
    """The machine is as the file says."""

    def setUp(self):
        super().setUp()
        self.monitor.vm("web").controls = ["rdtsc count"]
        self.write(SAVED, TEXT)
        self.saved = self.path(SAVED)

    def text(self, name=SAVED):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def fails(self, *args, status=1, text=""):
        """What it says; the file is as it was, and nothing has been applied."""
        before, asked = self.text(), len(self.monitor.bodies)
        found, out, err = self.run_mullion(*args, text=text)
        self.assertEqual((found, out), (status, ""), err)
        self.assertEqual((self.text(), len(self.monitor.bodies)), (before, asked))
        return err

    def assert_folder(self, *names):
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.saved))), sorted(names))


class Apply(Saved):
    def test_apply(self):
        """The text as it is, with comments and profiles; the old one is kept; owner and mode stay."""
        os.chmod(self.saved, 0o640)
        new = TEXT.replace("# mine", "# yours").replace("rdtsc count", "rdtsc log")
        self.write("a.conf", new)
        with open(self.saved, encoding="ascii") as before:
            out = self.good("apply", "--save", "a.conf").splitlines()
            self.assertEqual(before.read(), TEXT)  # another file has taken its name
        self.assertEqual(out[-1], f"{self.saved}: saved; what it was is {self.saved}~")
        self.assertEqual((self.text(), self.text(SAVED + "~")), (new, TEXT))
        self.assertEqual(os.stat(self.saved).st_mode & 0o777, 0o640)
        self.assertEqual(os.stat(self.saved + "~").st_mode & 0o777, 0o640)
        self.assert_folder("mullion.conf", "mullion.conf~")

    def test_not_wanted(self):
        self.write("a.conf", TEXT.replace("# mine", "# yours"))
        self.good("apply", "a.conf")
        self.assertEqual(self.text(), TEXT)
        self.assert_folder("mullion.conf")

    def test_same(self):
        """What is in the file already is not written again: what was before is worth more."""
        out = self.good("apply", "--save", self.saved)
        self.assertEqual(out.splitlines()[-1], f"{self.saved}: it says this already")
        self.assert_folder("mullion.conf")

    def test_another_file(self):
        """--saved says where, and that it is wanted; a symbolic link stays one."""
        self.write("else/real.conf", TEXT)
        os.symlink("else/real.conf", self.path("link.conf"))
        new = TEXT + "# more\n"
        self.good("apply", "--saved", "link.conf", "-", text=new)
        self.assertEqual((self.text("else/real.conf"), self.text("else/real.conf~")), (new, TEXT))
        self.assertTrue(os.path.islink(self.path("link.conf")))
        self.assertEqual(self.text(), TEXT)

    def test_machine_as_it_is(self):
        """`config | apply --save -`, as the manual has it."""
        config = self.good("config")
        self.good("apply", "--save", "-", text=config)
        self.assertEqual(self.text(), config)
        self.assertTrue(all(vm["saved"] for vm in self.json("list", "--json")["vm"]))

    def test_no_file(self):
        """A file that nothing boots from would be of no use: it is not made."""
        err = self.fails("apply", "--save", "--saved", "none.conf", "-", status=2, text=TEXT)
        self.assertEqual(err, "mullion: none.conf: there is no such file; write --saved and the one "
                              "that your boot entry names\n")
        os.makedirs(self.path("folder"))
        self.assertEqual(self.fails("apply", "--saved", "folder", "-", status=2, text=TEXT),
                         "mullion: folder: Is a directory\n")

    def test_text_with_errors(self):
        self.assertIn("-:1:13: ", self.fails("apply", "--save", "-", text="vm a { cpus 0 }\n"))

    def test_refused(self):
        """What the monitor does not take is not for the next boot either."""
        self.monitor.refuse["apply"] = "no"
        self.write("a.conf", TEXT + "# more\n")
        status, _, err = self.run_mullion("apply", "--save", "a.conf")
        self.assertEqual((status, err, self.text()), (1, "mullion: no\n", TEXT))
        self.assert_folder("mullion.conf")

    def test_slow_change(self):
        """It is made, even if not all cores have taken it in time: so it is saved."""
        self.monitor.cores = [2, 1]
        new = TEXT + "# more\n"
        self.write("a.conf", new.replace("count", "log"))
        status, _, _ = self.run_mullion("apply", "--save", "--timeout", "1", "a.conf")
        self.assertEqual((status, self.text()), (4, new.replace("count", "log")))

    def test_folder_in_the_way(self):
        """The old text cannot be kept: it is told, and the file stays whole."""
        self.write(SAVED + "~/x", "")
        self.write("a.conf", TEXT + "# more\n")
        status, _, err = self.run_mullion("apply", "--save", "a.conf")
        self.assertEqual((status, self.text()), (1, TEXT))
        self.assertEqual(err, f"mullion: {self.saved}: Is a directory; the machine has changed, but "
                              "boots next as before\n")
        self.assert_folder("mullion.conf", "mullion.conf~")

    def test_modules(self):
        """An uploaded kernel is gone after a boot, unless the boot entry brings it."""
        self.monitor.modules["fresh"] = [5, "yes"]
        status, _, err = self.run_mullion("apply", "--save", "-", text=TEXT.replace(
            "# two", "\n kernel fresh; initrd vmlinuz"))
        self.assertEqual((status, err), (0, f"mullion: {self.saved}: fresh did not come with this "
                                         "boot; put it beside that file or into /boot, and make the "
                                         "boot entry anew (mullion grub-entry)\n"))


class Set(Saved):
    def test_set(self):
        """Of the file only this VM's block is another, by that line."""
        out = self.good("set", "--save", "web", "port 0x70=deny")
        self.assertEqual(out.splitlines()[0], "web: port-0x70 none -> deny")
        self.assertEqual(out.splitlines()[-1], f"{self.saved}: saved; what it was is {self.saved}~")
        self.assertEqual(self.text(), TEXT.replace("profile quiet\n}",
                                                   "profile quiet\n    port 0x70 deny\n}"))
        self.good("set", "--save", "web", "port 0x70=log")
        self.assertEqual(self.text(), TEXT.replace("profile quiet\n}",
                                                   "profile quiet\n    port 0x70 log\n}"))
        self.assertEqual([vm["saved"] for vm in self.json("list", "--json")["vm"]], [True, True])

    def test_lines_that_people_write(self):
        """A line of several statements stays, and so do blocks in the same line."""
        for before, after in (
                ("vm web { hlt log; cpus 2 }", "vm web { hlt log; cpus 2 \n    hlt count\n}"),
                ("vm web {\nhlt log; cpus 2\n}", "vm web {\nhlt log; cpus 2\n    hlt count\n}"),
                ("vm web {\n  hlt log # why\ncpus 2 }", "vm web {\ncpus 2 \n    hlt count\n}"),
                ("vm a { }; vm web { }; vm b { }", "vm a { }; vm web { \n    hlt count\n}; vm b { }"),
                ("vm web { cmdline \"} \\\" ;\" }", "vm web { cmdline \"} \\\" ;\" \n    hlt count\n}")):
            self.write(SAVED, f"service host {{ }}\n{before}\n")
            self.good("set", "--save", "web", "hlt=count")
            self.assertEqual(self.text(), f"service host {{ }}\n{after}\n")

    def test_cannot_be_saved(self):
        """Then it is not set either."""
        for text, told in (
                ("vm web { network lan; cpus 2 }\n", 'network=wan: vm "web": network is written twice; '
                 f"keep one of the two\nmullion: {self.saved}: this does not go into the block of"),
                ("vm web { network }\n", ":1:10: vm \"web\": network lacks a value"),
                ("vm db { }\n", 'there is no vm "web" in it, so nothing is set; save the machine as it '
                                "is (mullion config | mullion apply --save -), or leave --save out"),
                ("vm web { cpus 2\n}\nvm db { like web }\n",
                 'vm "db" would change with "web", which it is like, so nothing is set')):
            self.write(SAVED, text)
            self.assertIn(told, self.fails("set", "--save", "web", "network=wan"))
        self.write(SAVED, TEXT)
        self.monitor.refuse["apply"] = "12:1: as in the machine's text"
        self.assertEqual(self.run_mullion("set", "--save", "web", "hlt=log")[2],
                         "mullion: hlt=log: as in the machine's text\n")
        self.assertIn("there is no such file", self.fails("set", "--saved", "none", "web", "hlt=log",
                                                          status=2))

    def test_read_only(self):
        """A folder that takes no file: said before anything is set."""
        if os.geteuid() == 0:  # for whom only a file system can be read-only
            folder = "/proc/self"
            self.assertIn("nothing can be saved in /proc/", self.fails(
                "apply", "--saved", folder + "/cmdline", "-", status=2, text=TEXT))
        else:
            os.chmod(os.path.dirname(self.saved), 0o555)
            self.addCleanup(os.chmod, os.path.dirname(self.saved), 0o755)
            self.assertIn("Permission denied), so nothing is applied", self.fails(
                "set", "--save", "web", "hlt=log", status=2))


class Edit(Saved):
    def edit(self, words, *args):
        """Edit with a shell's WORDS for an editor; what it began with is kept."""
        self.write("editor", f'#!/bin/sh\ncp "$1" "{self.path("first")}"\n{words}\n')
        os.chmod(self.path("editor"), 0o755)
        self.environment.pop("VISUAL", None)
        self.environment["EDITOR"] = self.path("editor")
        return self.run_mullion("edit", *args, text="l\n")

    def test_file_that_says_what_there_is(self):
        """It is edited itself: comments and profiles stay."""
        status, out, err = self.edit("sed -i 's/network lan/&\\n    hlt log/' \"$1\"", "--save")
        self.assertEqual((status, err, self.text("first")), (0, "", TEXT))
        self.assertIn("+     hlt log\n", out)
        self.assertIn("web: hlt none -> log\n", out)
        self.assertEqual(self.text(), TEXT.replace("lan\n", "lan\n    hlt log\n"))
        self.assertEqual(self.text(SAVED + "~"), TEXT)

    def test_file_that_differs(self):
        self.monitor.vm("web").controls = ["rdtsc count", "cr3 count"]
        config = self.good("config")
        status, _, err = self.edit("sed -i 's/cr3 count/cr3 log/' \"$1\"", "--save")
        self.assertEqual((status, err, self.text("first")), (
            0, f"mullion: {self.saved} is not as the machine is, which is what you edit: without that "
               "file's comments and profiles\n", config))
        self.assertEqual(self.text(), config.replace("cr3 count", "cr3 log"))

    def test_other_words(self):
        """Also what stands outside of the blocks makes it another machine."""
        for word in ("strict", "poweroff service", "vm db { }"):
            self.write(SAVED, f"{word}\n{TEXT}")
            self.assertIn("is not as the machine is", self.edit("true", "--save")[2])

    def test_without_save(self):
        """As ever: the machine as it is; the file stays."""
        self.assertEqual(self.edit("sed -i 's/rdtsc count/rdtsc log/' \"$1\"")[0], 0)
        self.assertEqual((self.text("first"), self.text()),
                         (self.good("config").replace("rdtsc log", "rdtsc count"), TEXT))

    def test_nothing_changed_or_refused(self):
        self.assertEqual(self.edit("true", "--save"), (0, "nothing has changed\n", ""))
        self.assertEqual(self.edit("echo 'vm a { cpus 0 }' >>\"$1\"", "--save")[0], 1)
        self.assertEqual(self.text(), TEXT)
        self.assertEqual(self.edit("true", "--saved", "none.conf")[0], 2)


class Marks(Saved):
    FOOT = "* not as in {0}, the file of the next boot\nsee: mullion diff {0}\n"

    def list(self, *args):
        """Each VM's state, and what stands below."""
        lines = self.good("list", *args).splitlines(keepends=True)
        count = 1 + len(self.monitor.vms)
        return [line.split()[5] for line in lines[1:count]], "".join(lines[count:])

    def test_as_in_the_file(self):
        """Compared is what it means: defaults, profiles; of the service VM not what it gave away."""
        self.assertEqual(self.list(), (["running", "running"], ""))
        self.monitor.vm("host").cpus = [0]
        self.assertEqual(self.list(), (["running", "running"], ""))

    def test_set_and_undo(self):
        self.good("set", "web", "hlt=count")
        self.assertEqual(self.list(), (["running", "running*"], self.FOOT.format(self.saved)))
        self.assertEqual([vm["saved"] for vm in self.json("list", "--json")["vm"]], [True, False])
        self.assertEqual(self.good("diff", self.saved), "~ web: hlt is count, would be pass\n")
        self.good("undo")
        self.assertEqual(self.list(), (["running", "running"], ""))

    def test_other_vms(self):
        """One that the file has not is marked; of one that only the file has it is told."""
        self.write(SAVED, "service host { }\nvm db { }\nvm mail { }\n")
        foot = self.FOOT.format(self.saved).replace(
            "see:", f"only in {self.saved}: db, mail\nsee:")
        self.assertEqual(self.list(), (["running", "running*"], foot))
        self.write(SAVED, TEXT + "vm mail { }\n")
        self.assertEqual(self.list(), (["running", "running"], foot.replace("db, ", "").split(
            "boot\n", 1)[1]))

    def test_no_file(self):
        """No mark and no noise, and the monitor is asked for no more than before."""
        os.remove(self.saved)
        self.assertEqual(self.list(), (["running", "running"], ""))
        self.assertNotIn("config", self.monitor.seen)
        self.assertEqual([vm["saved"] for vm in self.json("list", "--json")["vm"]], [None, None])
        status, out, err = self.run_mullion("list", "--saved", "none.conf")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("mullion: none.conf: there is no such file; write --saved", err)

    def test_another_file(self):
        self.write("a.conf", TEXT.replace("rdtsc", "hlt"))
        self.assertEqual(self.list("--saved", "a.conf"),
                         (["running", "running*"], self.FOOT.format("a.conf")))

    def test_file_with_errors(self):
        self.write(SAVED, "vm web { cpus 0 }\n")
        self.assertEqual(self.list(), (["running", "running"],
                                       f"not compared with {self.saved}: it has errors; see: mullion "
                                       "check FILE\n"))
        self.assertEqual([vm["saved"] for vm in self.json("list", "--json")["vm"]], [None, None])

    def test_machine_that_cannot_be_read(self):
        """A list there is in any case."""
        self.monitor.do_config = lambda: "vm web { what }\n"
        states, foot = self.list()
        self.assertEqual(states, ["running", "running"])
        self.assertIn(f'not compared with {self.saved}: vm "web": "what" is not a keyword', foot)


class Usage(ControlTest):
    def test_usage(self):
        for args in (("undo", "--save"), ("create", "--save", "a"), ("list", "--save"),
                     ("diff", "--saved", "a", "b"), ("apply", "--saved"), ("apply", "--like", "web", "a")):
            self.assertEqual(self.run_mullion(*args)[0], 2, args)


if __name__ == "__main__":
    unittest.main()
