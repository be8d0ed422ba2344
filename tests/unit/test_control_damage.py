#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged answers: whatever the monitor says, the command ends in time with one of its statuses."""

import random
import unittest

from controlled import VM_FILE, ControlTest

SETTING = "port 0x70=deny"

COMMANDS = (("list", "list"), ("list", "list", "--json"), ("machine", "machine", "--json"),
            ("machine", "draw"), ("machine", "draw", "-"), ("list", "draw"), ("stats", "stats"),
            ("show", "show", "web"), ("show", "show", "--json", "web"), ("log", "log"),
            ("config", "diff", "-"), ("config", "create", "-"), ("machine", "create", "-"),
            ("create", "create", "-"), ("console", "console", "web"), ("input", "console", "web"),
            ("version", "set", "web", SETTING), ("config", "set", "web", SETTING),
            ("apply", "set", "web", SETTING), ("settle", "set", "--timeout", "1", "web", SETTING),
            ("config", "list", "--saved", "saved.conf"), ("config", "create", "db", "--like", "web"),
            ("create", "create", "db", "--like", "web"), ("version", "undo"),
            ("trace", "trace", "--seconds", "1", "web"), ("audit", "suggest", "web"),
            ("trace", "trace", "--seconds", "1", "--summary", "--json", "web"),
            ("audit", "suggest", "--json", "web"))
ROUNDS = 12


class Damage(ControlTest):
    def answer(self, request):
        """What the monitor would say, and a damaged form of it."""
        good = {"list": self.monitor.do_list, "machine": self.monitor.do_machine,
                "stats": self.monitor.do_stats, "config": self.monitor.do_config,
                "show": lambda: self.monitor.do_show("web"), "log": lambda: "ring from 0 to 3\nabc",
                "console": lambda: "ring from 0 to 3\nabc", "input": lambda: "taken 4\n",
                "create": lambda: "created name db cpus 4,5 memory 5\n",
                "version": self.monitor.do_version, "settle": self.monitor.do_settle,
                "apply": lambda: "changed vm web what port-0x70 old none new deny\n",
                "audit": lambda: "audit vm web unlisted audit lost 0\naccess vm web kind msr first 1 "
                                 "last 1 direction read count 1 answer allowed line allow\n",
                "trace": lambda: "events from 0 to 1 lost 0\n"
                                 "event number 0 tsc 1 cpu 2 rip 0x1 what hlt operand 0x0\n"}
        good = good[request]()
        text = bytearray(good.encode("ascii"))
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(text) + 1)
            choice = random.randrange(6)
            if choice == 0:
                del text[at:at + random.randint(1, 30)]
            elif choice == 1:
                text[at:at] = bytes(random.randrange(256) for _ in range(random.randint(1, 9)))
            elif choice == 2:
                text[at:at] = random.choice((b'"', b"\\", b"\n", b" ", b"\0", b"-1", b"0x",
                                             b"99999999999999999999", b"4294967296", b"9" * 5000))
            elif choice == 3:
                text[at:at] = text[random.randrange(len(text) + 1):][:300]
            elif choice == 4 and at < len(text):
                text[at] ^= 1 << random.randrange(8)
            else:
                text = text[:at]
            text = text or bytearray(b" ")
        length = random.choice((len(text),) * 8 + (0, len(text) + 1, 1 << 62, len(text) // 2))
        self.monitor.raw_goes_on = length == len(text)
        return b"ok %d\n%s" % (length, bytes(text))

    def test_damaged_answers(self):
        random.seed(20)
        statuses = set()
        for _ in range(ROUNDS):
            for request, *command in COMMANDS:
                self.monitor.reset()
                self.monitor.looks = 1
                answer = self.answer(request)
                self.monitor.raw = {request: answer}
                self.plant()
                self.write("run/mullion/undo", "# Before configuration 1\n")
                self.write("saved.conf", VM_FILE)
                status, out, err = self.run_mullion(*command, text=VM_FILE)
                self.assertIn(status, (0, 1, 3, 4), (command, answer, out, err))
                self.assertNotIn("Sanitizer", err)
                self.assertTrue(status == 0 or err, (command, answer))
                statuses.add(status)
        self.assertLessEqual({0, 3}, statuses)


if __name__ == "__main__":
    unittest.main()
