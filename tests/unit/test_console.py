#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion console` on a terminal: scroll-back, keys both ways, Ctrl-], and the terminal after it."""

import os
import termios
import time
import unittest

import pexpect

from controlled import MULLION, ControlTest


class Console(ControlTest):
    def open(self):
        return pexpect.spawn(MULLION, ["console", "web"], env=self.environment, timeout=30)

    def wait_for(self, condition):
        for _ in range(300):
            if condition():
                return
            time.sleep(0.1)
        self.fail("it did not come")

    def test_both_directions(self):
        web = self.monitor.vm("web")
        web.console = b"booting\r\nlogin: "
        command = self.open()
        command.expect_exact("[web: Ctrl-] leaves it]")
        command.expect_exact("booting\r\nlogin: ")
        command.send("root\r\x03\x04\x1a\x11")  # Ctrl-C, -D, -Z and -Q are for the VM
        self.wait_for(lambda: web.typed == b"root\r\x03\x04\x1a\x11")
        command.expect_exact("root\r\n")
        web.console += b"\x1b[1mwelcome"
        command.expect_exact("\x1b[1mwelcome")
        command.send("x\x1dy")  # what stands before the key is still sent, what is behind is not
        command.expect_exact("[web: left]")
        command.expect(pexpect.EOF)
        command.close()
        self.assertEqual(command.exitstatus, 0)
        self.assertEqual(web.typed, b"root\r\x03\x04\x1a\x11x")

    def test_terminal_is_put_back(self):
        idle = pexpect.spawn("sleep", ["60"])  # the command's own may be changed already
        before = termios.tcgetattr(idle.child_fd)
        idle.close()
        for end in ("key", "signal", "error"):
            command = self.open()
            command.expect_exact("leaves it]")
            self.assertFalse(termios.tcgetattr(command.child_fd)[3] & termios.ICANON)
            if end == "key":
                command.send("\x1d")
            elif end == "signal":
                os.kill(command.pid, 15)
            else:
                self.monitor.refuse["console"] = "web is gone"
                command.expect_exact("mullion: web is gone")
            command.expect_exact("[web: left]")
            self.assertEqual(termios.tcgetattr(command.child_fd), before)
            command.expect(pexpect.EOF)
            command.close()

    def test_slow_vm(self):
        """It takes a few bytes at a time; none is lost, and none is sent twice."""
        self.monitor.takes_input = 7
        command = self.open()
        command.expect_exact("leaves it]")
        text = "".join(f"{i}," for i in range(300))
        command.send(text)
        self.wait_for(lambda: self.monitor.vm("web").typed.decode() == text)
        command.send("\x1d")
        command.expect(pexpect.EOF)
        command.close()


if __name__ == "__main__":
    unittest.main()
