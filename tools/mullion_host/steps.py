# SPDX-License-Identifier: Apache-2.0
# Numbered steps with sizes and times, and the one error class that ends a command.

import os
import sys
import time


AGAIN = "\r\x1b[K"  # to a terminal: this line anew


class HostError(Exception):
    """Ends a command: what failed, and in the second sentence what to do about it."""


class Steps:
    """Prints `[n/m] name ... result (size, seconds)`, one line for each step."""

    def __init__(self, total, out=None):
        self.total = total
        self.number = 0
        self.title = ""
        self.out = out if out is not None else sys.stdout

    def run(self, name, work):
        """Runs work(), which returns (what came of it, size in bytes or None)."""
        self.number += 1
        self.title = f"[{self.number}/{self.total}] {name:<24} "
        early = self.out.isatty()  # elsewhere lines stay whole, also under make -j
        if early:
            self._say(self.title)
        start = time.monotonic()
        try:
            text, size = work()
        except BaseException:
            self._say(("" if early else self.title) + "failed\n")
            raise
        details = [] if size is None else [human_size(size)]
        details.append(f"{time.monotonic() - start:.1f} s")
        self._say((AGAIN if early else "") + f"{self.title}{text} ({', '.join(details)})\n")

    def note(self, text):
        """How far a long step is: on a terminal, in place of what was said before."""
        self._say(f"{AGAIN}{self.title}{text} ..." if self.out.isatty() else f"      {text}\n")

    def _say(self, text):
        self.out.write(text)
        self.out.flush()


def human_size(size):
    """The number of bytes in the unit that a reader expects: 512 B, 8.1 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def tree_size(path):
    """Bytes in the files below a directory, or in one file; links are not followed."""
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size
    return sum(os.lstat(os.path.join(where, name)).st_size
               for where, _, names in os.walk(path) for name in names)
