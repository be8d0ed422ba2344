#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The `mullion` command: its texts and exit statuses. MULLION names the program."""

import os
import re
import subprocess
import tempfile
import unittest

MULLION = os.path.abspath(os.environ.get("MULLION", "build/mullion"))
CLI = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli")
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")

THREE = """service host { cpus 2; memory 1G; initrd host.img }
vm web { cpus 2; initrd guest.img }
vm db { like web; memory 1G; cpus 3,5 }
"""


class Cli(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
            file.write(text)

    def run_mullion(self, *args, text=None):
        done = subprocess.run([MULLION, *args], cwd=self.folder.name, input=text, text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_good_file(self):
        self.write("a.conf", THREE)
        status, out, err = self.run_mullion("check", "a.conf")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, "service host: 2 cores, memory 1G, kernel vmlinuz, initrd host.img\n"
                              "vm web: 2 cores, memory 512M, kernel vmlinuz, initrd guest.img\n"
                              "vm db: 2 cores (3,5), memory 1G, kernel vmlinuz, initrd guest.img\n")

    def test_errors(self):
        self.write("a.conf", "vm web { memory 100K }\nvm db { cpsu 2 }\n")
        status, out, err = self.run_mullion("check", "a.conf")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, 'a.conf:1:17: vm "web": memory 100K is less than 16M; '
                              'write at least 16M\n'
                              'a.conf:2:9: vm "db": "cpsu" is not a keyword; write "cpus"?\n')

    def test_many_errors(self):
        self.write("a.conf", "bad\n" * 20)
        status, _, err = self.run_mullion("check", "a.conf")
        self.assertEqual(status, 1)
        self.assertEqual(len(err.splitlines()), 17)
        self.assertTrue(err.endswith("a.conf: 4 more errors\n"))

    def test_several_files(self):
        self.write("good.conf", "vm a {}\n")
        self.write("bad.conf", "vm a { cpus 0 }\n")
        status, out, err = self.run_mullion("check", "bad.conf", "good.conf")
        self.assertEqual(status, 1)
        self.assertIn("bad.conf:1:13:", err)
        self.assertIn("vm a: 1 core, memory 512M", out)
        self.assertEqual(self.run_mullion("check", "good.conf", "bad.conf", "none.conf")[0], 2)

    def test_standard_input(self):
        status, out, _ = self.run_mullion("check", "-", text="vm a { node 1; modules b c }")
        self.assertEqual((status, out), (0, "vm a: 1 core, memory 512M, node 1, kernel vmlinuz, "
                                            "modules b c\n"))
        status, _, err = self.run_mullion("check", "-", text="")
        self.assertEqual((status, err), (1, "-:1:1: there is no VM; write at least: "
                                            "service host { }\n"))

    def test_placement(self):
        self.write("a.conf", THREE)
        status, out, err = self.run_mullion("check", "--cpus", "6", "--memory", "8G", "a.conf")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("service host: 2 cores (0-1),", out)
        self.assertIn("vm web: 2 cores (2,4),", out)
        status, out, err = self.run_mullion("check", "--memory", "2G", "--cpus", "5", "a.conf")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, 'a.conf:3:30: vm "db": core 5 does not exist; the machine has 5, '
                              'write 0 to 4\n')
        status, _, err = self.run_mullion("check", "--cpus", "8", "--memory", "2G", "a.conf")
        self.assertEqual((status, err), (1, 'a.conf:3:19: vm "db": memory 1G is more than the 510M '
                                            'left; write at most 510M\n'))

    def test_unreadable_files(self):
        for name in ("none.conf", "."):
            status, out, err = self.run_mullion("check", name)
            self.assertEqual((status, out), (2, ""))
            self.assertTrue(err.startswith(f"mullion: {name}: "), err)
        self.write("big.conf", "#" * (1 << 20))
        self.assertEqual(self.run_mullion("check", "big.conf")[0], 2)

    def test_usage(self):
        for args, text in (((), "what shall be done?"),
                           (("chekc",), "there is no command: chekc"),
                           (("check",), "something is missing behind: check"),
                           (("probe", "x"), "this is too much: x"),
                           (("list", "--jso"), "there is no option: --jso"),
                           (("list", "--cpus", "2"), "there is no option: --cpus"),
                           (("show", "a", "b", "c"), "this is too much: b"),
                           (("stop", "--timeout", "0", "a"), "1 to 86400 seconds, and is: 0"),
                           (("check", "--nodes", "2", "f"), "--nodes needs --cpus"),
                           (("check", "--cpu", "2", "f"), "there is no option: --cpu"),
                           (("check", "--cpus"), "a value is missing behind: --cpus"),
                           (("check", "--cpus", "0", "f"), "--cpus must be 1 to 256, and is: 0"),
                           (("check", "--cpus", "2", "f"), "--cpus and --memory belong together"),
                           (("check", "--memory", "9", "f"), "such as 16G, and is: 9")):
            status, out, err = self.run_mullion(*args)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(text, err)
            known = args[:1] in (("check",), ("probe",), ("list",), ("show",), ("stop",))
            self.assertEqual(len(re.findall(r"usage: mullion ", err)), 1)
            self.assertEqual(len(err.splitlines()) == 2, known, err)

    def test_help_and_version(self):
        self.assertEqual(self.run_mullion("--version"), (0, "mullion 0.1.0\n", ""))
        status, out, err = self.run_mullion("help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("usage: mullion list", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 100)
        self.assertEqual(self.run_mullion("--help")[1], out)

    def test_manual_of_the_command(self):
        """The manual names the help's commands and options, all and no others; so does INSTALL."""
        usage, help_text = self.run_mullion("help")[1].split("\n\n")[:2]
        commands = set(re.findall(r"mullion ([a-z-]+)", usage))
        options = set(re.findall(r"--[a-z]+", usage))
        self.assertLessEqual({"list", "create", "check", "help"}, commands)
        self.assertEqual(set(re.findall(r"^([a-z-]+)  ", help_text, re.M)), commands - {"help"})
        with open(os.path.join(DOCS, "mullion.1"), encoding="utf-8") as file:
            manual = file.read()
        synopsis, description = manual.split(".Sh SYNOPSIS")[1].split(".Sh DESCRIPTION")
        named = " | ".join(re.findall(r"^\.Cm (.*)", synopsis, re.M)).split(" | ")
        self.assertEqual({word for word in named if "Fl" not in word}, commands)
        for part in (synopsis, description):
            self.assertEqual({"-" + o for o in re.findall(r"Fl (-[a-z]+)", part)}, options)
        described = re.findall(r"^\.(?:It Cm|Ss mullion) ([a-z-]+)", description, re.M)
        self.assertEqual(sorted(described), sorted(commands))
        # Each command's own options, as its usage has them.
        for line in usage.splitlines():
            command = re.search(r"mullion ([a-z-]+)", line)[1]
            block = re.search(r"^\.Cm [^\n]*\b" + command + r"\b[^\n]*\n(.*?)(?=^\.Nm|\Z)", synopsis,
                              re.M | re.S)
            if command != "help":
                self.assertEqual({"-" + o for o in re.findall(r"Fl (-[a-z]+)", block[1])},
                                 set(re.findall(r"--[a-z]+", line)), command)
        with open(os.path.join(DOCS, "INSTALL.md"), encoding="utf-8") as file:
            shown = re.findall(r"build/mullion ([a-z][a-z-]*)((?: --[a-z]+)*)", file.read())
        self.assertEqual({command for command, _ in shown}, {"check", "probe", "grub-entry"})
        self.assertLessEqual({word for _, words in shown for word in words.split()}, options)

    def test_manual_of_statuses_and_environment(self):
        """The manual has each exit status and each variable that the sources have; so has the help
        of the statuses."""
        with open(os.path.join(DOCS, "mullion.1"), encoding="utf-8") as file:
            manual = file.read()
        sources = ""
        for name in sorted(os.listdir(CLI)):
            if name.endswith((".c", ".h")):
                with open(os.path.join(CLI, name), encoding="utf-8") as file:
                    sources += file.read()
        statuses = set(re.findall(r"STATUS_[A-Z_]+ = (\d)", sources))
        self.assertEqual(statuses, {"0", "1", "2", "3", "4"})
        told = manual.split(".Sh EXIT STATUS")[1].split(".Sh")[0]
        self.assertEqual(set(re.findall(r"^\.It (\d)", told, re.M)), statuses)
        told = self.run_mullion("help")[1].split("Exit status:")[1]
        self.assertEqual(set(re.findall(r"\b(\d) ", told)), statuses)
        self.assertEqual(set(re.findall(r"^\.It Ev (\w+)", manual, re.M)),
                         set(re.findall(r'getenv\("(\w+)"\)', sources)))

    def test_manual(self):
        """The manual names the parser's keywords, all and no others, and its example is good."""
        with open(os.path.join(DOCS, "mullion.conf.5"), encoding="utf-8") as file:
            manual = file.read()
        _, _, err = self.run_mullion("check", "-", text="vm a { zzzzzzzzz }\nzzzzzzzzz")
        words = re.findall(r"write one of ([^\n]*)", err)
        self.assertEqual(len(words), 2)
        known = set(", ".join(words).split(", "))
        self.assertEqual(set(re.findall(r"^\.It Ic ([a-z0-9-]+)", manual, re.M)), known)
        example = manual.split(".Bd -literal")[1].split(".Ed")[0].split("\n", 1)[1]
        status, out, err = self.run_mullion("check", "-", text=example.replace("\\e", "\\"))
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len(out.splitlines()), 3)


if __name__ == "__main__":
    unittest.main()
