# SPDX-License-Identifier: Apache-2.0
# One run: QEMU started, every VM waited for, and QEMU ended whatever happens.

import os
import shutil
import subprocess
import time

from . import report
from .logport import LogPort, Port
from .steps import HostError


class Session:
    """`with Session(machine) as session:` is a running machine.

    control: the far end of a socket that shall be QEMU's own monitor (QMP), or None."""

    def __init__(self, machine, control=None):
        self.machine = machine
        self.control = control
        self.console = None
        self.log = None
        self.qemu = None

    def __enter__(self):
        machine = self.machine
        machine.write_configuration()
        self.console = Port(machine.run_path("console"))
        self.log = LogPort(machine.run_path("log"))
        ends = [self.console.far.fileno(), self.log.far.fileno()]
        if self.control:
            ends.append(self.control.fileno())
        command = machine.command(*ends)
        if shutil.which("setpriv"):  # QEMU shall end with us even if we are killed
            command = ["setpriv", "--pdeathsig", "TERM", *command]
        with open(machine.run_path("qemu"), "wb") as errors:
            self.qemu = subprocess.Popen(command, pass_fds=ends, stdin=subprocess.DEVNULL,
                                         stdout=errors, stderr=errors, start_new_session=True)
        self.console.start()
        self.log.start()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends QEMU and closes its ports."""
        if self.qemu and self.qemu.poll() is None:
            self.qemu.terminate()
            try:
                self.qemu.wait(5)
            except subprocess.TimeoutExpired:
                self.qemu.kill()
                self.qemu.wait()
        self.console.close()
        self.log.close()

    def running(self):
        """Whether the machine still runs."""
        return self.qemu.poll() is None

    def state(self):
        """Whether QEMU runs, in words."""
        return "still runs" if self.running() else f"ended with status {self.qemu.returncode}"

    def find_report(self, vm):
        """The Report of one VM, or None while it has not spoken."""
        if vm.service:
            return report.find_report(self.console.lines)
        return report.find_report(self.log.lines, f"[{vm.name}] ")

    def reports(self, seconds):
        """{name: Report} of the VMs that spoke within the time."""
        found, end = {}, time.monotonic() + seconds
        while len(found) < len(self.machine.vms) and time.monotonic() < end:
            for vm in self.machine.vms:
                spoken = None if vm.name in found else self.find_report(vm)
                if spoken:
                    found[vm.name] = spoken
            if not self.running() or self.stopped():
                break
            time.sleep(0.1)
        return found

    def stopped(self):
        """The monitor's line that says that the machine stops or halts, or None."""
        return next((line for line in self.log.lines if report.STOPPED.match(line)), None)

    def wait_all(self, seconds):
        """{name: Report} of every VM; a HostError that shows the log if one is missing."""
        found = self.reports(seconds)
        missing = [vm.name for vm in self.machine.vms if vm.name not in found]
        if missing:
            why = f"within {seconds} s (QEMU {self.state()})"
            if self.stopped():
                why = "because the monitor says: " + report.MONITOR.sub("", self.stopped())
            raise HostError(f"no report from {', '.join(missing)} {why}\n" + self.last_words())
        return found

    def last_words(self):
        """The log's path and last lines, and QEMU's own if there is any but its usual warnings."""
        log = self.machine.run_path("log")
        text = [f"the log is {log}, its last lines:"]
        text += ["  " + line for line in self.log.tail() or ["(empty)"]]
        if not self.log.lines:
            with open(self.machine.run_path("qemu"), encoding="utf-8", errors="replace") as errors:
                said = [line.rstrip() for line in errors if "TCG doesn't support" not in line]
            if said:
                text += [f"QEMU said ({os.path.basename(errors.name)}):"]
                text += ["  " + line for line in said[-5:]]
        text += [f"the service VM's console is {self.machine.run_path('console')}, its last lines:"]
        text += ["  " + line for line in self.console.tail()[-5:] or ["(empty)"]]
        return "\n".join(text)
