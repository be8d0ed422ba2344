# SPDX-License-Identifier: Apache-2.0
# A VM's console: typed at through the log port, driven by interrupts, free of exits when idle.

import secrets
import time

from mullion_host import report
from rig import guest, service

SETTLE_SECONDS = 3   # the last write of the shell is on its way
WINDOW_SECONDS = 5


def test_console(boot):
    run = boot([service(), guest("one", cpus=2), guest("two", cpus=2)])
    run.reported()
    for index, name in ((2, "two"), (1, "one")):
        nonce = "x" + secrets.token_hex(8)
        run.vm_line(name, "Enter 'help'")
        start = len(run.log.lines)
        run.attach(index)
        run.log.send(f"hostname; echo {nonce}$((40+2))\r".encode())
        run.wait(run.log, f"^{nonce}42", start=start)
        run.detach()
        assert name in run.log.lines[start:], "another VM has answered"


def test_interrupts(boot):
    """ttyS0's interrupt is a message; a second read of the table shows that it comes."""
    run = boot([service(), guest("vm")])
    run.reported()
    run.vm_line("vm", "Enter 'help'")
    run.attach(1)
    counts = []
    for _ in range(2):
        start = len(run.log.lines)
        run.log.send(b"grep ttyS /proc/interrupts; grep . /proc/tty/driver/serial\r")
        match = run.wait(run.log, r"^\s*\d+:\s+(\d+)\s+(\S.*)\s+ttyS0\s*$", start=start)
        assert "PCI-MSI" in match[2]
        counts.append(int(match[1]))
    assert counts[1] > counts[0] > 0
    run.detach()


def test_idle_shell(boot, record_property):
    run = boot([service(), guest("vm", cpus=2)])
    run.reported()
    run.vm_line("vm", "Enter 'help'")
    time.sleep(SETTLE_SECONDS)
    before = run.log.statistics()
    time.sleep(WINDOW_SECONDS)
    after = run.log.statistics()
    exits, _ = report.steady_state(report.exits_between(before, after))
    record_property("seen", f"{exits} exits in {WINDOW_SECONDS} s while the shell waits")
    assert after.vms["vm"]["state"] == "running"
    assert sum(n for (name, _, _), n in before.exits.items() if name == "vm") > 0
    assert exits == 0, report.exits_between(before, after)
