#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion apply --watch`: a file applied on each save, in whichever way an editor saves it."""

import os
import signal
import termios
import unittest

import pexpect

from controlled import MULLION, ControlTest

TEXT = "service host {{ cpus 2; memory 1G }}\nvm web {{ cpus 2; network lan; {} }}\n"
DONE = "a.conf: done; waiting for the next save"


class Watch(ControlTest):
    def setUp(self):
        super().setUp()
        self.write("a.conf", TEXT.format("port 0x70 deny"))
        self.command = pexpect.spawn(MULLION, ["apply", "--watch", "a.conf"], cwd=self.folder,
                                     env=self.environment, timeout=60, encoding="ascii")
        self.addCleanup(self.command.close)
        self.command.expect_exact("web: port-0x70 none -> deny\r\n2 cores have taken it")
        self.command.expect_exact(DONE)

    def assert_ends(self, status=0):
        self.command.expect(pexpect.EOF)
        self.command.close()
        self.assertEqual((self.command.exitstatus, self.command.signalstatus), (status, None))

    def test_saves(self):
        """Written in place, replaced by another file, wrong, refused, right again, touched."""
        self.write("a.conf", TEXT.format("port 0x71 deny"))
        self.command.expect_exact("web: port-0x70 deny -> none\r\nweb: port-0x71 none -> deny")
        self.command.expect_exact(DONE)
        self.write("b.conf", TEXT.format("port 0x72 deny"))
        os.rename(self.path("b.conf"), self.path("a.conf"))
        self.command.expect_exact("web: port-0x72 none -> deny")
        self.command.expect_exact(DONE)
        self.write("a.conf", TEXT.format("port 0x73 what"))
        self.command.expect_exact("a.conf:2:")
        self.command.expect_exact("a.conf: not done; waiting for the next save")
        self.monitor.refuse["apply"] = "web differs: network"
        self.write("a.conf", TEXT.format("port 0x74 deny"))
        self.command.expect_exact("mullion: web differs: network")
        self.command.expect_exact("a.conf: not done")
        del self.monitor.refuse["apply"]
        os.utime(self.path("a.conf"))
        self.command.expect_exact("web: port-0x74 none -> deny")
        self.command.expect_exact(DONE)
        os.utime(self.path("a.conf"))
        self.command.expect_exact("a.conf: nothing has changed")
        self.command.expect_exact(DONE)
        self.command.sendintr()
        self.assert_ends()

    def test_half_a_save(self):
        """An empty file, or none, is the begin of a save: applied it would destroy the VMs."""
        applied = len(self.monitor.bodies)
        self.write("a.conf", "")
        with self.assertRaises(pexpect.TIMEOUT):
            self.command.expect_exact("a.conf: ", timeout=1.5)
        os.remove(self.path("a.conf"))
        with self.assertRaises(pexpect.TIMEOUT):
            self.command.expect_exact("a.conf: ", timeout=1.5)
        self.assertEqual(len(self.monitor.bodies), applied)
        self.write("a.conf", TEXT.format("port 0x75 deny"))
        self.command.expect_exact("web: port-0x75 none -> deny")
        self.command.kill(signal.SIGTERM)
        self.assert_ends()

    def test_monitor_gone(self):
        self.monitor.raw = {"config": b""}
        os.utime(self.path("a.conf"))
        self.command.expect_exact("has closed the connection")
        self.assert_ends(3)

    def test_interrupt_during_a_change(self):
        """What has been begun is finished, and told."""
        settings = termios.tcgetattr(self.command.child_fd)
        settings[3] |= termios.NOFLSH  # Ctrl-C drops nothing that stands there unread
        termios.tcsetattr(self.command.child_fd, termios.TCSANOW, settings)
        self.monitor.meanwhile["apply"] = self.command.sendintr
        self.write("a.conf", TEXT.format("port 0x76 deny"))
        self.command.expect_exact("web: port-0x76 none -> deny")
        self.command.expect_exact("2 cores have taken it")
        self.assert_ends()

    def test_no_file(self):
        for path in ("-", "nothing", "run"):
            self.assertEqual(self.run_mullion("apply", "--watch", path)[0], 2, path)


if __name__ == "__main__":
    unittest.main()
