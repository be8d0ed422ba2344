# SPDX-License-Identifier: Apache-2.0
# The two serial ports of the machine: read all the time, kept in files, searched line by line.

import re
import socket
import threading
import time

from . import report
from .steps import HostError

UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e\u00a0-\uffff]")
REST_SHOWN = 15  # lines of a log that a failure shows


class Port:
    """One serial port. A thread reads it, so that the machine never waits for us."""

    def __init__(self, path):
        self.path = path
        self.near, self.far = socket.socketpair()
        self.file = open(path, "wb", buffering=0)
        self.lines = []
        self.partial = b""
        self.sink = None  # called with each piece of output, e.g. to show it on a terminal
        self.changed = threading.Condition()
        self.closed = False
        self.thread = threading.Thread(target=self._read, daemon=True)

    def start(self):
        """After QEMU has its end: closes ours of it and begins to read."""
        self.far.close()
        self.thread.start()

    def _read(self):
        while True:
            try:
                data = self.near.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            self.file.write(data)
            with self.changed:
                *whole, self.partial = (self.partial + data).split(b"\n")
                self.lines += [w.decode("utf-8", "replace").rstrip("\r") for w in whole]
                if self.sink:
                    self.sink(data)
                self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def attach(self, sink, after=None):
        """Shows everything from here on; first what came behind the last line that AFTER matches."""
        with self.changed:
            self.sink = sink
            found = [n for n, line in enumerate(self.lines) if after and after.search(line)]
            if found:
                sink("".join(f"{line}\r\n" for line in self.lines[found[-1] + 1:]).encode()
                     + self.partial)

    def send(self, data):
        """Types on the port."""
        try:
            self.near.sendall(data)
        except OSError as error:
            raise HostError(f"the machine has ended, see {self.path}: {error}") from error

    def wait(self, find, seconds):
        """Calls find(lines) whenever there are more, until it returns something or time is up."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                found = find(self.lines)
                left = end - time.monotonic()
                if found or left <= 0 or self.closed:
                    return found
                self.changed.wait(min(left, 1.0))

    def tail(self):
        """The last lines, without what would disturb a terminal."""
        with self.changed:
            lines = self.lines[-REST_SHOWN:]
            if self.partial:
                lines = lines + [self.partial.decode("utf-8", "replace")]
        return [UNPRINTABLE.sub("", line) for line in lines]

    def close(self):
        """Ends reading; QEMU has ended before."""
        try:
            self.near.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread.is_alive():
            self.thread.join(5)
        self.near.close()
        self.far.close()
        self.file.close()


class LogPort(Port):
    """COM2: the monitor's log, the other VMs' consoles, and single keys to the monitor."""

    def statistics(self, seconds=10):
        """Presses `s` and returns the Statistics that follow."""
        with self.changed:
            start = len(self.lines)
        self.send(b"s")
        found = self.wait(lambda lines: report.find_statistics(lines[start:]), seconds)
        if not found:
            raise HostError(f"no statistics within {seconds} s of key `s` on the log port; "
                            f"see {self.path}")
        return found
