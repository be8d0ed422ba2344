# SPDX-License-Identifier: Apache-2.0
# `make run`: starts the machine, shows how it is divided, and hands over the service VM's console.

import sys
import time

from . import report, terminal
from .session import Session
from .steps import HostError

ROLES = ("service", "shell")
SETTLE_SECONDS = 2  # a kernel at its prompt still finishes its boot
WINDOW_SECONDS = 2

TRY = """\
commands to try:
  mullion top            what leaves each VM, live; q ends it
  ssh 10.77.0.11         into web, over the network in the monitor
  mullion console db     db's console; here Ctrl-] twice leaves it
  reboot                 starts this VM again; the others keep running
"""


class Interactive:
    """One interactive run."""

    def __init__(self, machine, seconds):
        self.machine = machine
        self.seconds = seconds
        self.session = None
        self.base = None  # the statistics when the last VM was at its prompt

    def table(self):
        """The table as of now."""
        now = self.session.log.statistics()
        lines = report.table(now, report.exits_between(self.base, now),
                             [vm.name for vm in self.machine.vms])
        return "\n".join(lines)

    def start(self):
        """A step: waits until every VM has reported."""
        self.session.wait_all(self.seconds)
        time.sleep(SETTLE_SECONDS)
        self.base = self.session.log.statistics()
        time.sleep(WINDOW_SECONDS)
        return f"{len(self.machine.vms)} VMs are at their prompts", None

    def run(self, steps):
        """Runs until the user leaves; returns the exit status."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise HostError("`make run` needs a terminal; without one use `make smoke`")
        log = self.machine.run_path("log")
        with Session(self.machine) as self.session:
            steps.run("start", self.start)
            print(f"\n{self.table()}\n\n{TRY}")
            pane = terminal.LogPane(log)
            try:
                where = "in the pane beside" if pane.pane else f"in another terminal: tail -f {log}"
                print(f"the other VMs' consoles and the monitor's log: {where}")
                print(f"to leave: Ctrl-] then q      ({terminal.HELP})\n", flush=True)
                how = terminal.connect(self.session, self.table)
            finally:
                pane.close()
        print("the machine has ended" + ("" if how == "left" else ": its last VM is off")
              + f"; its log is {log}")
        return 0
