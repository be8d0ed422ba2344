# SPDX-License-Identifier: Apache-2.0
# memtest86+ under test: its 80x25 screen as a serial terminal shows it, its keys, and the machines
# that it runs on.

import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("tools", "tests/boot"):
    sys.path.insert(0, os.path.join(HERE, "..", "..", folder))

from mullion_host.machine import Machine
from rig import Run

ROWS, COLUMNS = 25, 80
SECONDS = 200  # no measure of anything: only hangs take so long
MEMORY = 64    # MiB of the memory under test
CMDLINE = "console=ttyS0,115200 nosmp nopause nobench nosm"
# Its clock is the TSC, which it measures by the PIT; a VM without devices has none.
CLOCK = "port 0x42-0x43 allow; port 0x61 allow"
TOKEN = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|([\x20-\x7e])")
STATE = re.compile(r"Pass: +(\d+) +Errors: +(\d+)")


def screen(text):
    """The screen's rows after this output of a VT100 program."""
    cells = [[" "] * COLUMNS for _ in range(ROWS)]
    row = column = 0
    for parameters, command, character in TOKEN.findall(text):
        if character and row < ROWS and column < COLUMNS:
            cells[row][column] = character
            column += 1
        elif command == "H":
            row, column = (int(word) - 1 for word in (parameters or "1;1").split(";"))
        elif command == "J":
            cells = [[" "] * COLUMNS for _ in range(ROWS)]
    return ["".join(cell) for cell in cells]


class Bare(Machine):
    """The emulated machine with a kernel, or a wedge and a pack, instead of Mullion."""

    def __init__(self, build, directory, kernel, pack=None):
        super().__init__(build, [], directory=f"afterburn/run/{directory}", text="", cores="1",
                         memory=MEMORY)
        self.kernel, self.pack = kernel, pack

    def command(self, *ports):
        words = super().command(*ports)
        at = words.index("-kernel")
        words[at:at + 4] = ["-kernel", self.kernel, "-append", CMDLINE,
                            *(["-initrd", self.pack] if self.pack else [])]
        return words


class Divided(Machine):
    """Mullion with one VM, of one core."""

    def __init__(self, build, directory, kernel, pack=None):
        initrd = "initrd pack; " if pack else ""
        text = (f'vm mem {{ cpus 1; memory {MEMORY}M; kernel memtest; {initrd}'
                f'cmdline "{CMDLINE}"; {CLOCK} }}\n')
        super().__init__(build, [], directory=f"afterburn/run/{directory}", text=text, cores="1",
                         memory=4 * MEMORY)
        self.files = [(kernel, "memtest"), *([(pack, "pack")] if pack else [])]

    def modules(self):
        return [(self.run_path("mullion.conf"), "mullion.conf"), *self.files]


class MemtestRun(Run):
    """A running machine with memtest86+ in it."""

    def __init__(self, machine):
        super().__init__(machine, False)
        self.divided = isinstance(machine, Divided)

    def __enter__(self):
        super().__enter__()
        self.port = self.log if self.divided else self.console
        if self.divided:  # from here on its bytes are on the log port as they are
            self.log_line(r'vm "mem": start 1')
            self.attach(0)
        return self

    def output(self):
        """All that it has sent to its console."""
        with self.port.changed:
            return "\n".join(self.port.lines) + self.port.partial.decode("ascii", "replace")

    def exits(self):
        """{reason: number} since the VM's start; its keys go to the monitor from here on."""
        self.detach()
        return {reason: number for (_, _, reason), number in self.log.statistics(30).exits.items()}

    def shows(self, pattern):
        """Waits until the screen has this in a row; the match."""
        expression, end = re.compile(pattern), time.monotonic() + SECONDS
        while True:
            rows = screen(self.output())
            found = next((m for m in map(expression.search, rows) if m), None)
            if found or time.monotonic() > end or not self.running():
                break
            time.sleep(0.2)
        assert found, f"{pattern!r} is not on the screen ({self.state()}):\n" + "\n".join(rows)
        return found

    def press(self, keys, then):
        """Types, and waits for what shall come on the screen."""
        self.port.send(keys.encode())
        return self.shows(then)

    def choose(self, test):
        """In its menus: this test alone, from now on."""
        self.press("1", "Settings:")
        self.press("1", "Test Selection:")
        self.press("1", r"^.{24}\.{11} ")
        self.press("3", "Enter test #")
        self.press(f"{test}\r", rf"^.{{24}}\.{{{test}}}\*\.{{{10 - test}}} ")
        self.press("0", "Settings:")
        self.press("0", rf"#{test} +\[")

    def passes(self, count):
        """Waits for so many passes; there must be no error."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            state = self.shows(STATE.pattern)
            assert int(state[2]) == 0, "\n".join(screen(self.output()))
            if int(state[1]) >= count:
                return int(state[1])
            time.sleep(0.2)
        raise AssertionError("no pass ends:\n" + "\n".join(screen(self.output())))
