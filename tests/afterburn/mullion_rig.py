# SPDX-License-Identifier: Apache-2.0
# Prepared kernels on Mullion: a service VM with the command `mullion`, and VMs with and without wedge.

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("tools", "bench", "tests/boot", "tests/fabric"):
    sys.path.insert(0, os.path.join(HERE, "..", "..", folder))

from debian_rig import DebianRun  # noqa: E402
from mullion_host.machine import Machine, Vm  # noqa: E402
from rig import service  # noqa: E402

CPUS, MEMORY = 4, 512  # of a prepared VM; MiB
SECONDS = 240          # no measure of anything: only hangs take so long
RESULT = re.compile(r"AFTERBURN result (\S+) (\d+) ok$")
STEPS = {"forks", "dd-bytes", "md5sum", "mappings", "ipis"}


KERNEL = "afterburn/linux-6.1/vmlinux"  # of `afterburn build-linux 6.1`
INITRD = "afterburn/mullion/workload.img"
PACK = "afterburn/mullion/linux.pack"
MODULES = ("cpuid.ko", "msr.ko")


def make_pack(build):
    """The workload's initramfs with prepared modules, and the pack of the prepared kernel with it."""
    def path(name):
        return os.path.join(build, name)
    os.makedirs(path("afterburn/mullion"), exist_ok=True)
    tree = os.path.join(HERE, "..", "..")
    modules = [word for name in MODULES
               for word in ("--module", path(f"afterburn/linux-6.1/modules/{name}"))]
    subprocess.run([os.path.join(tree, "guest/mkinitrd.py"), "--init", path("guests/init"),
                    "--busybox", path("guests/busybox"), *modules, path(INITRD)], check=True)
    subprocess.run([path("afterburn/afterburn"), "pack", "--guest", path(KERNEL),
                    "--initrd", path(INITRD), "--name", "linux 6.1 small",
                    "--output", path(PACK)], check=True)


class Prepared(Vm):
    """A VM whose kernel is a prepared one; its kernel's own lines stay on the console."""

    def __init__(self, name, kernel, initrd, role="afterburn", cpus=CPUS, words=""):
        super().__init__(name, cpus, MEMORY, role, kernel=kernel, initrd=initrd, words=words)

    def cmdline(self):
        return " ".join(word for word in super().cmdline().split() if word != "quiet")


class MullionRun(DebianRun):
    """A running machine whose service VM has a shell and the command."""

    def ready(self):
        """Waits for the service VM's shell, and for the driver of its sockets."""
        vm = self.machine.vms[0]
        self.wait(self.console, f"MULLION-REPORT name={vm.name} nonce={vm.nonce} ", seconds=SECONDS)
        self.sh("while ! [ -e /tmp/ready ]; do sleep 1; done")

    def exits(self, name):
        """{reason: number} of a VM since its start, all cores."""
        counts = {}
        for (vm, _, reason), number in self.log.statistics(30).exits.items():
            if vm == name:
                counts[reason] = counts.get(reason, 0) + number
        return counts

    def lines(self, name):
        """What a VM has said on its console."""
        mark = f"[{name}] "
        return [line[len(mark):] for line in self.log.lines if line.startswith(mark)]

    def worked(self, vm):
        """Waits for the end of the workload: {step: number}."""
        self.vm_line(vm.name, r"AFTERBURN (done|failed)", seconds=SECONDS)
        lines = self.lines(vm.name)
        assert any(f"AFTERBURN boot {vm.nonce} cpus {vm.cpus}" in line for line in lines)
        found = {m[1]: int(m[2]) for m in map(RESULT.search, lines) if m}
        assert "AFTERBURN done" in lines and STEPS <= set(found), found
        self.log_line(rf'vm "{vm.name}": (power off|reboot)', seconds=SECONDS)
        return found


def machine(build, directory, vms, kernels, files):
    """A service VM and these VMs; KERNELS and FILES: {name of a boot module: file of the build}."""
    host = service(initrd="control.img")
    return Machine(build, [host, *vms], directory=f"afterburn/run/{directory}",
                   kernels={"vmlinuz": "guests/vmlinuz-6.1", **kernels},
                   more={"control.img": "guests/control.img", **files})
