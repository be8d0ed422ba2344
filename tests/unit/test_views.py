#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the command shows of a machine besides lists: top, draw, diff."""

import re
import unittest
import xml.etree.ElementTree as xml

import pexpect

from controlled import MULLION, ControlTest

SVG = "{http://www.w3.org/2000/svg}"

DIVISION = """service host { cpus 2; memory 1G; kernel "a<b&c" }
vm web { cpus 3; memory 2G }
vm db { like web; memory 4G; node 1 }
"""


class Top(ControlTest):
    def test_once(self):
        lines = self.good("top", "--once").splitlines()
        self.assertEqual(lines[0].split()[:2], ["VM", "STATE"])
        self.assertEqual([line.split()[0] for line in lines[1:]], ["host", "web"])
        columns = lines[2].split()
        # 5000 bytes and 100 exits since the first look, a second or somewhat more ago.
        self.assertTrue(0 < int(columns[4]) <= 5000, lines[2])
        self.assertTrue(0 < int(columns[6]) <= 100, lines[2])
        self.assertEqual(columns[7:], ["icr", columns[6]])

    def test_without_a_terminal(self):
        self.assertEqual(len(self.good("top").splitlines()), 3)

    def test_counters_that_begin_anew(self):
        """A VM that was started in between has smaller counts: that is no rate."""
        stats = iter((b"exits vm web cpu 2 reason icr count 90\n",
                      b"exits vm web cpu 2 reason icr count 10\n"))
        self.monitor.do_stats = lambda: next(stats)
        self.assertRegex(self.good("top", "--once").splitlines()[2], r" 0 *$")

    def terminal(self):
        environment = dict(self.environment, TERM="xterm")
        return pexpect.spawn(MULLION, ["top"], env=environment, dimensions=(24, 100), timeout=30)

    def test_terminal(self):
        command = self.terminal()
        command.expect("mullion top")
        command.expect("web.*running")
        command.expect("icr")
        command.send("q")
        command.expect(pexpect.EOF)
        command.close()
        self.assertEqual(command.exitstatus, 0)

    def test_connection_lost(self):
        """The terminal is left as it was, and then comes the message."""
        command = self.terminal()
        command.expect("icr")
        self.monitor.raw = {"stats": b"what"}
        command.expect(r"\x1b\[\?1049l")
        command.expect("has closed the connection")
        command.expect(pexpect.EOF)
        command.close()
        self.assertEqual(command.exitstatus, 3)

    def test_unknown_terminal(self):
        environment = dict(self.environment, TERM="no-such-terminal")
        self.assertIn(b"EXITS/S", pexpect.run(f"{MULLION} top", env=environment, timeout=30))


class Draw(ControlTest):
    def draw(self, *args, text=""):
        """The picture's texts, and the colours of its cores and pieces of memory."""
        picture = xml.fromstring(self.good("draw", *args, text=text))
        self.assertEqual(picture.tag, SVG + "svg")
        for part in picture.iter(SVG + "rect"):
            right = float(part.get("x", 0)) + float(part.get("width"))
            bottom = float(part.get("y", 0)) + float(part.get("height"))
            self.assertTrue(right <= 860 and bottom <= float(picture.get("height")))
        texts = ["".join(part.itertext()) for part in picture.iter(SVG + "text")]
        colours = [part.get("fill") for part in picture.iter(SVG + "rect")]
        return texts, colours

    def test_running_machine(self):
        texts, colours = self.draw()
        self.assertIn("service VM host: 5 cores, memory 1G, kernel vmlinuz", texts)
        self.assertIn("VM web: 2 cores, memory 512M, kernel vmlinuz", texts)
        self.assertIn("free: 1 core, memory 256M", texts)
        legend = colours[-3:]
        self.assertEqual(len(set(legend)), 3)
        # Each core and each piece, and the legend's line.
        self.assertEqual([colours.count(colour) for colour in legend], [5 + 1 + 1, 4, 3])

    def test_file_on_the_running_machine(self):
        texts, _ = self.draw("-", text="service host { memory 512M }\nvm db { cpus 4 }\n")
        self.assertIn("VM db: 4 cores, memory 512M, kernel vmlinuz", texts)
        self.assertNotIn("web", " ".join(texts))

    def test_file_without_a_monitor(self):
        self.environment["MULLION_CONTROL"] = "/nonexistent"
        texts, colours = self.draw("--cpus", "16", "--memory", "16G", "--nodes", "2", "-",
                                   text=DIVISION)
        self.assertIn("service VM host: 2 cores, memory 1G, kernel a<b&c", texts)
        self.assertIn("VM db: 3 cores, memory 4G, kernel vmlinuz", texts)
        self.assertIn("free: 8 cores, memory 9G", texts)
        self.assertIn("node 1: 8 cores, memory 8G", texts)
        self.assertEqual(len({c for c in colours if c != "none"}), 5)  # and the background

    def test_largest_machine(self):
        vms = "".join(f"vm v{i} {{ cpus 16; memory 1G }}\n" for i in range(16))
        texts, _ = self.draw("--cpus", "256", "--memory", "32G", "--nodes", "16", "-", text=vms)
        for i in range(16):
            self.assertIn(f"VM v{i}: 16 cores, memory 1G, kernel vmlinuz", texts)

    def test_no_room(self):
        status, out, err = self.run_mullion("draw", "-", text="vm a { memory 64G }")
        self.assertEqual((status, out), (1, ""))
        self.assertIn('-:1:8: vm "a": memory 64G is more than', err)

    def test_machine_that_is_none(self):
        for body in (b"", b"cpu id 5 node 0\n", b"cpu id 0 node 99\n", b"memory base 0x7 size 9\n",
                     b"cpu id 0 node 0\n" + b"memory base 0x1000 size 8192 node 0 owner pool\n" * 2,
                     b"cpu id 0 node 0\nmemory base 18446744073709547520 size 4096 node 0\n"):
            self.monitor.raw = {"machine": b"ok %d\n%s" % (len(body), body)}
            status, out, err = self.run_mullion("draw", "-", text="vm a { }")
            self.assertEqual((status, out), (3, ""), body)
            self.assertIn("it describes no machine", err)

    def test_usage(self):
        for args in (("--cpus", "2", "--memory", "1G"), ("--cpus", "2", "f"), ("--nodes", "2", "f"),
                     ("--cpus", "2", "--memory", "1G", "--nodes", "3", "f"), ("a", "b")):
            self.assertEqual(self.run_mullion("draw", *args)[0], 2, args)


class Diff(ControlTest):
    def test_nothing(self):
        self.assertEqual(self.good("diff", "-", text=self.good("config")), "")
        # The service VM has what it has not given away.
        self.assertEqual(self.good("diff", "-", text="service host { cpus 8; memory 9G }\n"
                                                     "vm web { cpus 2; network lan }\n"), "")

    def test_new_and_gone(self):
        out = self.good("diff", "-", text="service host { cpus 2; memory 1G }\nvm db { cpus 3 }\n")
        self.assertEqual(out.splitlines(), [
            "- web: would be destroyed",
            "+ db: would be created, 3 cores, memory 512M, kernel vmlinuz"])

    def test_every_setting(self):
        """Whatever a block can say, a change of it is seen."""
        changes = {"cpus": "cpus 3", "cpus-most": "cpus-most 4", "memory": "memory 1G",
                   "node": "node 1", "kernel": "kernel other", "initrd": "initrd other", "modules": "modules a b",
                   "cmdline": 'cmdline "x"', "console": "console none", "network": "network wan",
                   "allow-smt-sharing": "allow-smt-sharing", "peers": "peers host",
                   "port": "port 0x70-0x71 allow", "msr": "msr 0x10 read deny",
                   "exception": "exception 14 count"}
        live = ("pause", "hlt", "monitor", "mwait", "rdtsc", "rdtscp", "rdpmc", "invlpg", "wbinvd",
                "cr0", "cr3", "cr4", "dr", "descriptor-tables", "xsetbv")
        changes.update({word: f"{word} count" for word in live})
        _, _, err = self.run_mullion("check", "-", text="vm a { zzzzzzzzz }")
        known = set(re.findall(r"write one of ([^\n]*)", err)[0].split(", "))
        self.assertEqual(set(changes) | {"like", "profile"}, known)
        for word, setting in changes.items():
            block = "vm web { cpus 2; network lan; " + setting + " }\n"
            if word in ("cpus", "network"):
                block = "vm web { cpus 2; " + setting + " }\n"
            if word == "cpus":
                block = "vm web { network lan; " + setting + " }\n"
            status, out, err = self.run_mullion("diff", "-", text="service host { cpus 2; memory 1G"
                                                                  " }\n" + block)
            self.assertEqual(status, 0, err)
            self.assertEqual(len(out.splitlines()), 1, out)
            self.assertTrue(out.startswith(f"~ web: {word} "), out)
            running = word in live or word in ("port", "msr", "exception", "peers", "network",
                                                   "cpus")
            told = "" if running else "mullion: apply cannot change all of this"
            self.assertEqual(err[:len(told) or None], told, word)


if __name__ == "__main__":
    unittest.main()
