# SPDX-License-Identifier: Apache-2.0
# One machine under test: waiting for lines, typing, statistics, and QEMU's monitor (QMP).

import json
import os
import re
import socket
import tempfile
import time

from mullion_host import report
from mullion_host.machine import Vm
from mullion_host.session import Session

BOOT_SECONDS = 150  # no measure of anything: only hangs take so long
STEP_SECONDS = 60
STOPPED = re.compile(report.MONITOR.pattern + r".*(the machine (halts|stops)|error: panic:)")
MIB = 1 << 20


def service(cpus=1, memory=384, role="shell", **more):
    """The service VM."""
    return Vm("host", cpus, memory, role, service=True, **more)


def guest(name, role="shell", cpus=1, memory=192, **more):
    """Another VM."""
    return Vm(name, cpus, memory, role, **more)


class Qmp:
    """QEMU's monitor on a socket."""

    def __init__(self, near):
        self.stream = near.makefile("rw", encoding="utf-8", newline="\n")
        json.loads(self.stream.readline())  # its greeting
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        """Runs one command and returns what it answers."""
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            assert "error" not in answer, f"{command}: {answer['error']}"
            if "return" in answer:
                return answer["return"]

    def human(self, line):
        """A command of the human monitor, e.g. `info registers -a`."""
        return self.call("human-monitor-command", **{"command-line": line})

    def read(self, address, size):
        """Bytes of physical memory, as the machine and not as a guest sees them."""
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "memory")
            self.call("pmemsave", val=address, size=size, filename=name)
            with open(name, "rb") as data:
                return data.read()


class Run(Session):
    """A Session with what tests ask of it."""

    def __init__(self, machine, monitor):
        self.near, far = socket.socketpair() if monitor else (None, None)
        super().__init__(machine, far)
        self.qmp = None

    def __enter__(self):
        super().__enter__()
        if self.near:
            self.control.close()
            self.near.settimeout(STEP_SECONDS)
            self.qmp = Qmp(self.near)
        return self

    def wait(self, port, pattern, count=1, seconds=STEP_SECONDS, start=0):
        """The first COUNT matches of a pattern in a port's lines from START on."""
        expression = re.compile(pattern)

        def find(lines):
            found = [m for m in map(expression.search, lines[start:]) if m]
            return found[:count] if len(found) >= count else None

        end, found = time.monotonic() + seconds, None
        while not found and time.monotonic() < end and not port.closed:
            found = port.wait(find, 1)
            if not found and self.over():
                break
        found = found or port.wait(find, 0)
        assert found, f"{pattern!r} did not come {count} times within {seconds} s ({self.state()})"
        return found if count > 1 else found[0]

    def log_line(self, pattern, **more):
        """Waits for the monitor's own line: it begins with a time, so that no VM can forge it."""
        return self.wait(self.log, report.MONITOR.pattern + pattern, **more)

    def over(self):
        """Has come what ends all waiting?"""
        return any(map(STOPPED.search, list(self.log.lines)))

    def vm_line(self, name, pattern, **more):
        """Waits for a line of a VM's console on the log port."""
        return self.wait(self.log, rf"^\[{re.escape(name)}\] .*{pattern}", **more)

    def log_lines(self, pattern):
        """All matches among the monitor's own lines so far."""
        expression = re.compile(report.MONITOR.pattern + pattern)
        return [m for m in map(expression.search, list(self.log.lines)) if m]

    def starts(self, name):
        """The numbers of a VM's starts so far, in the log's order."""
        return [int(m[1]) for m in self.log_lines(rf'vm "{name}": start (\d+),')]

    def reported(self, *names, seconds=BOOT_SECONDS):
        """{name: Report} of these VMs, by default of all; each nonce is checked."""
        wanted = [vm for vm in self.machine.vms if not names or vm.name in names]
        for vm in wanted:
            pattern = rf"MULLION-REPORT name={vm.name} nonce={vm.nonce} "
            if vm.service:
                self.wait(self.console, pattern, seconds=seconds)
            else:
                self.vm_line(vm.name, pattern, seconds=seconds)
        return {vm.name: self.find_report(vm) for vm in wanted}

    def type_service(self, text):
        """Types a line at the service VM's shell."""
        self.console.send(text.encode() + b"\r")

    def service_answers(self, word):
        """Whether the service VM's shell still works: a fresh word, put together by the shell."""
        start = len(self.console.lines)
        self.type_service(f"echo {word}'-'{word}")
        self.wait(self.console, f"{word}-{word}", start=start)

    def attach(self, index):
        """From here on, what is typed on the log port goes to this VM."""
        start = len(self.log.lines)
        self.log.send(b"i" + str(index).encode())
        self.log_line(r"input: vm ", start=start)

    def detach(self):
        """Gives the log port's keys back to the monitor."""
        start = len(self.log.lines)
        self.log.send(b"\x1d")
        self.log_line("input: back", start=start)

    def halted(self, seconds=STEP_SECONDS):
        """Waits until all processors are halted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if "HLT=0" not in self.qmp.human("info registers -a"):
                return True
            time.sleep(0.1)
        return False

    def exit_status(self, seconds=STEP_SECONDS):
        """QEMU's exit status; it must end by itself."""
        return self.qemu.wait(seconds)

    def end(self):
        super().end()
        if self.near:
            self.near.close()


def numa(nodes, cores, memory):
    """QEMU's words for a machine of NODES nodes with so many CORES and MiB each."""
    words = []
    for node in range(nodes):
        first = node * cores
        words += ["-object", f"memory-backend-ram,id=ram{node},size={memory}M",
                  "-numa", f"node,nodeid={node},memdev=ram{node},cpus={first}-{first + cores - 1}"]
    return words


def symbol(image, name):
    """The address of a symbol of a 32-bit ELF file that is not stripped."""
    with open(image, "rb") as file:
        data = file.read()
    word = lambda at, size: int.from_bytes(data[at:at + size], "little")
    sections = [word(0x20, 4) + i * word(0x2e, 2) for i in range(word(0x30, 2))]
    for at in (s for s in sections if word(s + 4, 4) == 2):  # SHT_SYMTAB
        names = word(sections[word(at + 24, 4)] + 16, 4)
        for entry in range(word(at + 16, 4), word(at + 16, 4) + word(at + 20, 4), 16):
            start = names + word(entry, 4)
            if data[start:start + len(name) + 1] == name.encode() + b"\0":
                return word(entry + 4, 4)
    raise AssertionError(f"{image} has no symbol {name}")
