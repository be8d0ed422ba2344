# SPDX-License-Identifier: Apache-2.0
"""A machine with hostile guests beside stock kernels; what the tests here share."""

import os
import re
import secrets
import sys
import time

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TREE, "tools"))

from mullion_host.machine import Machine, Vm  # noqa: E402

BUILD = os.path.abspath(os.environ.get("MULLION_BUILD", os.path.join(TREE, "build")))
MONITOR = os.environ.get("MULLION_ELF", "mullion.elf")  # another one, e.g. a broken one
BOOT_SECONDS = 180
DENIED = re.compile(r"denied (\S+) ports (\d+) msrs (\d+) memory (\d+) ipis (\d+)")


def machine(vms, *elfs):
    """A machine of VMS whose modules are the stock kernel and these ELF files."""
    kernels = {"vmlinuz": "guests/vmlinuz-6.1"}
    kernels.update({elf: f"attack/{elf}" for elf in elfs})
    return Machine(BUILD, vms, kernels=kernels, directory="run-attack", image=MONITOR)


def hostile(name, cpus, elf, words=""):
    """A VM whose kernel is one of our ELF files."""
    return Vm(name, cpus, 64, "none", kernel=elf, words=words)


def wait_linux(session, *vms):
    """Each stock kernel has reported with the nonce of its command line."""
    for vm in vms:
        end = time.monotonic() + BOOT_SECONDS
        while session.find_report(vm) is None and time.monotonic() < end and session.running():
            time.sleep(0.2)
        report = session.find_report(vm)
        assert report, f"{vm.name} does not report\n" + session.last_words()
        assert report.nonce == vm.nonce


def wait_line(session, pattern, seconds, start=0):
    """The match of the first line of the log from START on that has PATTERN in it."""
    expression = re.compile(pattern)

    def find(lines):
        return next(filter(None, map(expression.search, lines[start:])), None)

    match = session.log.wait(find, seconds)
    assert match, (f"no line with {pattern!r} within {seconds} s (QEMU {session.state()})\n"
                   + session.last_words())
    return match


def answers(session, seconds=60):
    """The service VM's shell computes with a fresh nonce: it is alive now, not only before."""
    nonce = secrets.token_hex(8)
    expected = re.compile(rf"alive-{nonce}-42\b")
    session.console.send(f"\recho alive-{nonce}-$((6*7))\r".encode())
    return session.console.wait(lambda lines: any(map(expression_in(expected), lines)), seconds)


def expression_in(expression):
    """A function that looks for the expression in a line."""
    return expression.search


def type_to(session, index):
    """Types a byte at the console of the VM with this place in the configuration."""
    start = len(session.log.lines)
    session.log.send(b"i")
    session.log.send(str(index).encode())
    wait_line(session, r"input: vm ", 30, start)
    session.log.send(b"g")
    session.log.send(b"\x1d")
    wait_line(session, r"input: back to the monitor", 30, start)


def denied(session):
    """{VM: {ports, msrs, memory, ipis}} as the monitor counts now, and the Statistics."""
    start = len(session.log.lines)
    statistics = session.log.statistics(30)
    found = {}
    for line in session.log.lines[start:]:
        match = DENIED.search(line)
        if match and not line.startswith("[" + match[1] + "]"):
            found[match[1]] = dict(zip(("ports", "msrs", "memory", "ipis"),
                                       map(int, match.groups()[1:])))
    return found, statistics


def monitor_lines(session):
    """The monitor's own lines: they begin with a time, a VM's begin with its name."""
    return [line for line in session.log.lines if re.match(r"\[ *\d+\.\d+\] cpu", line)]


def neighbours_unharmed(session):
    """No stock kernel was hit by an interrupt or NMI that isn't its own; the monitor is whole."""
    for line in session.log.lines + session.console.lines:
        assert "NMI received for unknown reason" not in line, line
        assert "No irq handler for vector" not in line, line
        assert "MULLION-SUM BAD" not in line, line
        assert "Kernel panic" not in line, line
    for line in monitor_lines(session):
        assert "panic:" not in line, line
