#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion trace`: events live, those that are wanted, gaps, and the summary."""

import json
import signal
import subprocess
import unittest

from controlled import MULLION, ControlTest

HEADING = "NUMBER TSC CORE RIP EVENT OPERAND"


class Trace(ControlTest):
    def setUp(self):
        super().setUp()
        self.web = self.monitor.vm("web")
        self.web.events = [("rdtsc", 0xffffffff81000000), ("port", 0x10), ("exception-14", 0x20)]

    def start(self, *args):
        command = subprocess.Popen([MULLION, "trace", *args, "web"], env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(command.wait)
        self.addCleanup(command.stderr.close)
        self.addCleanup(command.stdout.close)
        self.addCleanup(command.kill)
        return command

    def words(self, command):
        return " ".join(command.stdout.readline().split())

    def trace(self, *args):
        """The lines of one second."""
        return [" ".join(line.split()) for line in
                self.good("trace", "--seconds", "1", *args, "web").splitlines()]

    def interrupt(self, command):
        command.send_signal(signal.SIGINT)
        rest = command.stdout.read()
        self.assertEqual((command.wait(60), command.stderr.read()), (0, ""))
        return rest

    def test_live(self):
        """What the ring has, what comes, a gap, and the end by Ctrl-C."""
        command = self.start()
        self.assertEqual(self.words(command), HEADING)
        self.assertEqual(self.words(command), "0 1000 2 0xffffffff81000000 rdtsc 0x70")
        self.assertEqual(self.words(command), "1 1001 2 0x10 port 0x70")
        self.assertEqual(self.words(command), "2 1002 2 0x20 exception-14 0x70")
        self.web.events.append(("hlt", 0x30))
        self.assertEqual(self.words(command), "3 1003 2 0x30 hlt 0x70")
        self.web.oldest = 16
        self.web.events += [("hlt", 0x40)] * 13
        self.assertEqual(self.words(command), "... 12 events lost")
        self.assertEqual(self.words(command), "16 1016 2 0x40 hlt 0x70")
        self.assertEqual(self.interrupt(command), "")

    def test_begin(self):
        """What was gone before anybody looked is no loss."""
        self.web.oldest = 2
        self.assertEqual(self.trace(), [HEADING, "2 1002 2 0x20 exception-14 0x70"])

    def test_many(self):
        """In as many answers as it takes, none twice."""
        self.monitor.batch = 150
        self.web.events = [("hlt", i) for i in range(1000)]
        self.assertEqual([int(line.split()[0]) for line in self.trace()[1:]], list(range(1000)))

    def test_wanted(self):
        self.web.events.append(("rdtscp", 0x30))
        for wanted, numbers in (("rdtsc", [0]), ("exception", [2]), ("exception-14", [2]),
                                ("exception-1", []), ("port,rdtscp", [1, 3]), (",", [])):
            lines = self.trace("--event", wanted)[1:]
            self.assertEqual([int(line.split()[0]) for line in lines], numbers, wanted)

    def test_json(self):
        """A line is an object; addresses, which are beyond what JSON's readers count, are texts."""
        command = self.start("--json")
        first = json.loads(command.stdout.readline())
        self.assertEqual(first, {"number": 0, "tsc": 1000, "cpu": 2, "rip": "0xffffffff81000000",
                                 "what": "rdtsc", "operand": "0x70"})
        for _ in range(2):
            command.stdout.readline()
        self.web.oldest = 5
        self.web.events += [("hlt", 0)] * 3
        self.assertEqual(json.loads(command.stdout.readline()), {"lost": 2})
        self.assertEqual(json.loads(command.stdout.readline())["number"], 5)
        self.interrupt(command)

    def test_summary(self):
        """The most frequent first; of places at most 20."""
        self.web.events += [("hlt", 0x40)] * 5 + [("hlt", 0x30)] * 6
        lines = self.trace("--summary")
        self.assertEqual(lines, [
            "EVENT COUNT", "hlt 11", "exception-14 1", "port 1", "rdtsc 1", "",
            "RIP EVENT COUNT", "0x30 hlt 6", "0x40 hlt 5", "0x20 exception-14 1", "0x10 port 1",
            "0xffffffff81000000 rdtsc 1"])
        self.assertEqual(self.trace("--summary", "--event", "port")[1], "port 1")
        self.assertEqual(self.trace("--summary", "--event", "cr3"), ["no events"])
        self.web.events = [("hlt", i) for i in range(5000)]
        lines = self.trace("--summary")
        self.assertEqual((lines[1], len(lines)), ("hlt 5000", 4 + 20))

    def test_summary_until_interrupt(self):
        """With what was lost meanwhile."""
        command = self.start("--summary", "--json")
        while len(self.monitor.seen) < 3:
            self.assertIsNone(command.poll())
        self.web.oldest = 7
        self.web.events += [("hlt", 0)] * 5
        seen = len(self.monitor.seen)
        while len(self.monitor.seen) < seen + 3:
            self.assertIsNone(command.poll())
        summary = json.loads(self.interrupt(command))
        self.assertEqual(summary["lost"], [{"count": 4}])
        self.assertEqual(summary["event"][0], {"what": "exception-14", "count": 1})
        self.assertEqual(sum(event["count"] for event in summary["event"]), 4)
        self.assertEqual(len(summary["place"]), 4)

    def test_vm_that_goes(self):
        command = self.start()
        self.words(command)
        self.monitor.vms.remove(self.web)
        self.assertEqual(command.wait(60), 1)
        self.assertIn('there is no VM "web"', command.stderr.read())

    def test_no_events(self):
        for body in (b"", b"event number 0 what hlt\n", b"events from x\n", b"what\n",
                     b"events from 0 to 2 lost 0\nevent what hlt\n",
                     b"events from 0 to 1 lost 0\nevent number 18446744073709551615 what hlt\n",
                     b"events from 5 to 6 lost 5\nevent number 4 what hlt\n",
                     b"events from 0 to 2 lost 0\nevent number 1 what a\nevent number 1 what a\n"):
            self.monitor.raw = {"trace": b"ok %d\n%s" % (len(body), body)}
            status, _, err = self.run_mullion("trace", "--seconds", "5", "web")
            self.assertEqual(status, 3, body)
            self.assertIn("makes no sense", err)

    def test_events_that_go_back(self):
        self.monitor.raw_goes_on = True
        body = b"events from 0 to 1 lost 0\nevent number 0 what hlt\n"
        self.monitor.raw = {"trace": b"ok %d\n%s" % (len(body), body)}
        status, out, _ = self.run_mullion("trace", "web")
        self.assertEqual((status, len(out.splitlines())), (3, 2))

    def test_usage(self):
        for args in ((), ("web", "host"), ("--seconds", "0", "web"), ("--event", "web"), ("W",)):
            self.assertEqual(self.run_mullion("trace", *args)[0], 2, args)
        self.assertEqual(self.monitor.seen, [])


if __name__ == "__main__":
    unittest.main()
