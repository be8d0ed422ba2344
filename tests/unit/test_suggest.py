#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion suggest`: accesses that no line names become lines that the parser takes."""

import random
import re
import unittest

from controlled import ControlTest

ALIKE = "audit and deny answer alike"
DIRECTIONS = {"": {"read", "write"}, "read": {"read"}, "write": {"write"}}


class Suggest(ControlTest):
    def setUp(self):
        super().setUp()
        self.web = self.monitor.vm("web")
        self.web.unlisted = "audit"

    def suggest(self):
        """The lines, with single blanks."""
        return [" ".join(line.split()) for line in self.good("suggest", "web").splitlines()]

    def lines(self):
        """[(line, comment)] of those that are not comments alone."""
        return [tuple(line.split(" # ")) for line in self.suggest() if not line.startswith("#")]

    def test_nothing(self):
        self.assertEqual(self.suggest(), ['# vm "web" has used nothing that is not listed'])
        self.assertEqual(self.json("suggest", "--json", "web"),
                         {"audit": [{"vm": "web", "unlisted": "audit", "lost": 0}]})

    def test_ports_are_joined(self):
        """Neighbours and overlaps, read or written, are one line, in the order of numbers."""
        self.web.accesses = [("port", 0x71, 0x71, "read", 4, "deny"),
                             ("port", 0x70, 0x70, "write", 5, "deny"),
                             ("port", 0x2f8, 0x2fb, "read", 1, "deny"),
                             ("port", 0x2fa, 0x2fa, "write", 1, "deny"),
                             ("port", 0x2fc, 0x2fc, "write", 1, "deny"),
                             ("port", 0x2fe, 0x2fe, "write", 1, "deny"),
                             ("port", 0xffff, 0xffff, "read", 1, "deny")]
        self.assertEqual(self.suggest(), [
            '# vm "web": lines for its block; then write there: unlisted deny',
            f"port 0x70-0x71 deny # 9 times; {ALIKE}", f"port 0x2f8-0x2fc deny # 3 times; {ALIKE}",
            f"port 0x2fe deny # 1 time; {ALIKE}", f"port 0xffff deny # 1 time; {ALIKE}"])

    def test_msrs(self):
        """Read and written apart, and one line where both get the same."""
        self.web.accesses = [("msr", 0xc0010001, 0xc0010001, "write", 1, "deny"),
                             ("msr", 0xc0010000, 0xc0010000, "write", 1, "deny"),
                             ("msr", 0xc0010000, 0xc0010000, "read", 2, "deny"),
                             ("msr", 0xc0010001, 0xc0010001, "read", 3, "deny"),
                             ("msr", 0x3a, 0x3a, "read", 7, "allow"),
                             ("msr", 0x3a, 0x3a, "write", 1, "ignore"),
                             ("msr", 0x3b, 0x3b, "write", 1, "deny"),
                             ("msr", 0xffffffff, 0xffffffff, "read", 1, "deny")]
        self.assertEqual(self.lines(), [
            ("msr 0x3a read allow", "7 times"), ("msr 0x3a write ignore", "1 time"),
            ("msr 0x3b write deny", f"1 time; {ALIKE}"),
            ("msr 0xc0010000-0xc0010001 deny", f"7 times; {ALIKE}"),
            ("msr 0xffffffff read deny", f"1 time; {ALIKE}")])

    def test_what_no_line_changes(self):
        self.web.accesses = [("port", 0x64, 0x64, "write", 2, "none"),
                             ("port", 0x65, 0x65, "write", 2, "deny"),
                             ("msr", 0xc0000080, 0xc0000080, "write", 1, "none")]
        self.web.lost = 12
        self.assertEqual(self.suggest()[1:], [
            "# port 0x64: 2 times; denied, it belongs to the monitor",
            f"port 0x65 deny # 2 times; {ALIKE}",
            "# msr 0xc0000080 write: 1 time; denied, it belongs to the monitor",
            "# and 12 accesses more, for which the monitor had no room"])

    def test_denied(self):
        """Without an audit nobody knows what it would have answered."""
        self.web.unlisted = "deny"
        self.web.accesses = [("msr", 0x3a, 0x3a, "read", 1, "deny")]
        self.assertIn("refused", self.suggest()[0])
        self.assertEqual(self.lines(), [("msr 0x3a read deny", "1 time")])

    def test_too_many(self):
        """More lines than a block may have are printed all the same, and it says so."""
        self.web.accesses = [("port", 2 * i, 2 * i, "read", 1, "deny") for i in range(17)]
        self.assertEqual(self.suggest()[-1], "# a VM may have 16 port lines: join some")
        self.web.accesses.pop()
        self.assertEqual(len(self.lines()), len(self.suggest()) - 1)

    def test_json(self):
        self.web.accesses = [("port", 0x70, 0x71, "read", 4, "deny"),
                             ("msr", 0x3a, 0x3a, "read", 1, "allow"),
                             ("msr", 0x1b, 0x1b, "write", 1, "none")]
        self.assertEqual(self.json("suggest", "--json", "web"), {
            "audit": [{"vm": "web", "unlisted": "audit", "lost": 0}],
            "line": [{"what": "port 0x70-0x71 deny", "count": 4, "alike": True},
                     {"what": "msr 0x3a read allow", "count": 1, "alike": False}],
            "guarded": [{"what": "msr 0x1b write", "count": 1, "alike": True}]})

    def test_lines_say_what_was_seen(self):
        """Random accesses: each number has the policy that it had, nothing else has one, the
        counts add up, and the parser takes the lines."""
        chance = random.Random(5)
        for _ in range(20):
            wanted, accesses = {}, []
            for number in chance.sample(range(60), 40):
                kind = chance.choice(["port", "msr"])
                for direction in chance.sample(["read", "write"], chance.randint(1, 2)):
                    line = "deny" if kind == "port" else chance.choice(
                        ["deny", "allow" if direction == "read" else "ignore"])
                    accesses.append((kind, number, number, direction, 3, line))
                    for each in DIRECTIONS[direction if kind == "msr" else ""]:
                        wanted[kind, number, each] = line
            chance.shuffle(accesses)
            self.web.accesses = accesses
            found, count = {}, 0
            for line, comment in self.lines():
                kind, first, last, direction, policy = re.fullmatch(
                    r"(port|msr) (\w+)(?:-(\w+))?(?: (read|write))? (\w+)", line).groups()
                for number in range(int(first, 16), int(last or first, 16) + 1):
                    for each in DIRECTIONS[direction or ""]:
                        self.assertNotIn((kind, number, each), found)
                        found[kind, number, each] = policy
                count += int(comment.split()[0])
            self.assertEqual((found, count), (wanted, 3 * len(accesses)))
            text = self.good("suggest", "web").splitlines()
            for part in (text[i:i + 16] for i in range(0, len(text), 16)):
                self.write("web.conf", "vm web {\n" + "\n".join(part) + "\nunlisted deny\n}\n")
                self.good("check", "web.conf")

    def test_answers_that_make_no_sense(self):
        good = "access vm web kind port first 1 last 2 direction read count 1 line deny\n"
        head = "audit vm web unlisted audit lost 0\n"
        for body in ("", good, "audit vm web unlisted x lost 0\n",
                     *(head + good.replace(*change) for change in (
                         ("first 1", "first 3"), ("first 1", "first x"), ("last 2", "last 65536"),
                         ("port", "door"), ("read", "look"), ("deny", "log"), ("count 1", "count 0"),
                         ("line deny", "note deny")))):
            self.monitor.raw = {"audit": f"ok {len(body)}\n{body}".encode("ascii")}
            status, out, err = self.run_mullion("suggest", "web")
            self.assertEqual((status, out), (3, ""), body)
            self.assertIn("makes no sense", err)

    def test_usage(self):
        for args in ((), ("web", "host"), ("--once", "web"), ("W",)):
            self.assertEqual(self.run_mullion("suggest", *args)[0], 2, args)
        self.assertEqual(self.monitor.seen, [])
        status, _, err = self.run_mullion("suggest", "nobody")
        self.assertEqual(status, 1)
        self.assertIn("nobody", err)


if __name__ == "__main__":
    unittest.main()
