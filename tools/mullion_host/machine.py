# SPDX-License-Identifier: Apache-2.0
# One emulated machine: how it is divided (mullion.conf) and QEMU's command line for it.

import os
import secrets
from dataclasses import dataclass, field

from . import kvm
from .steps import HostError

NAMES = ("host", "web", "db", "mail", "cache", "queue", "logs", "backup")
SERVICE_MEMORY = 512  # MiB
VM_MEMORY = 256       # MiB
SPARE_MEMORY = 256    # MiB: the monitor's own, and room so that no VM must be cut
TCG_CPU = "EPYC,+svm,+npt,+x2apic,-monitor"


@dataclass
class Vm:
    """One VM as configured, and the nonce that only its kernel's command line knows."""

    name: str
    cpus: int
    memory: int  # MiB
    role: str
    service: bool = False
    kernel: str = "vmlinuz"
    initrd: str = "initrd.img"
    words: str = ""  # more words of the kernel's command line
    settings: str = ""  # more of the block, e.g. "network lan"
    cores: str = ""  # which ones, e.g. 1-2, if not any
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    def cmdline(self):
        """The kernel's command line."""
        words = ["console=ttyS0", "panic=1", "quiet", *self.words.split(),
                 f"mullion.name={self.name}", f"mullion.nonce={self.nonce}",
                 f"mullion.role={self.role}"]
        return " ".join(words)

    def block(self):
        """The VM's block of mullion.conf."""
        kind = "service" if self.service else "vm"
        return (f"{kind} {self.name} {{ cpus {self.cores or self.cpus}; memory {self.memory}M; "
                f"kernel {self.kernel}; initrd {self.initrd}; cmdline \"{self.cmdline()}\""
                f"{'; ' + self.settings if self.settings else ''} }}\n")


def divide(vms, cpus, roles, words=""):
    """The VMs of one machine; roles are given out in order, the last one to all that remain."""
    if vms < 1:
        raise HostError(f"VMS={vms} leaves no VM; write VMS=1 or more")
    if cpus < vms:
        raise HostError(f"{vms} VMs need a core each and CPUS={cpus}; write CPUS={vms} or more")
    if cpus > 255:
        raise HostError(f"CPUS={cpus} is more than QEMU starts here; write CPUS=255 or fewer")
    divided = []
    for index in range(vms):
        name = NAMES[index] if index < len(NAMES) else f"vm{index}"
        share = cpus // vms + (1 if index < cpus % vms else 0)
        memory = SERVICE_MEMORY if index == 0 else VM_MEMORY
        divided.append(Vm(name, share, memory, roles[min(index, len(roles) - 1)],
                          service=index == 0, words=words))
    return divided


def configuration(vms):
    """The text of mullion.conf."""
    return "# Written by tools/run.py for this run.\n" + "".join(vm.block() for vm in vms)


@dataclass
class Machine:
    """An emulated machine with Mullion in it. Paths are below the build directory."""

    build: str
    vms: list
    accel: str = "tcg"
    kernels: dict = field(default_factory=lambda: {"vmlinuz": "guests/vmlinuz-6.1"})
    extra: list = field(default_factory=list)  # more words for QEMU, e.g. -numa
    directory: str = "run"  # of this run's files, below the build directory
    text: str = None        # mullion.conf, if not what the VMs give; "": there is none
    cpu: str = TCG_CPU      # the processor under TCG
    cores: str = None       # -smp, if not the sum of the VMs'
    memory: int = 0         # MiB, if not the sum of the VMs' and some more
    image: str = "mullion.elf"
    disc: str = None        # an ISO to boot from, instead of QEMU's own loader
    initrd: str = "guests/initrd.img"
    more: dict = field(default_factory=dict)  # further boot modules, {name: file}

    def path(self, name):
        """A file that the build made."""
        return os.path.join(self.build, name)

    def run_path(self, name):
        """A file of this run."""
        return os.path.join(self.build, self.directory, name)

    def write_configuration(self):
        """Writes this run's mullion.conf."""
        os.makedirs(self.run_path(""), exist_ok=True)
        text = configuration(self.vms) if self.text is None else self.text
        with open(self.run_path("mullion.conf"), "w", encoding="ascii") as out:
            out.write(text)

    def modules(self):
        """Boot modules as (file, name): the name is all that Mullion sees of it."""
        kernels = [(self.path(file), name) for name, file in self.kernels.items()]
        first = [] if self.text == "" else [(self.run_path("mullion.conf"), "mullion.conf")]
        more = [(self.path(file), name) for name, file in self.more.items()]
        return [*first, *kernels, (self.path(self.initrd), "initrd.img"), *more]

    def command(self, console_fd, log_fd, monitor_fd=None):
        """QEMU's command line; COM1, COM2 and QMP are connected sockets that QEMU inherits."""
        if self.accel == "kvm":
            processor = ["-accel", "kvm", "-cpu", kvm.processor()]
        elif self.accel == "tcg":
            processor = ["-accel", "tcg,thread=multi", "-cpu", self.cpu]
        else:
            raise HostError(f"ACCEL={self.accel} is unknown; write ACCEL=tcg or ACCEL=kvm")
        cores = self.cores or sum(vm.cpus for vm in self.vms)
        memory = self.memory or sum(vm.memory for vm in self.vms) + SPARE_MEMORY
        monitor = [] if monitor_fd is None else [
            "-chardev", f"socket,id=qmp,fd={monitor_fd}", "-mon", "chardev=qmp,mode=control"]
        for file, _ in self.modules():
            if "," in file:
                raise HostError(f"QEMU cannot take the comma in {file}; move the tree")
        modules = ",".join(f"{file} {name}" for file, name in self.modules())
        loader = ["-kernel", self.path(self.image), "-initrd", modules]
        if self.disc:
            loader = ["-cdrom", self.disc]
        return [self.path("host/qemu-system-x86_64"), *processor, "-machine", "q35",
                "-smp", str(cores), "-m", f"{memory}M",
                "-display", "none", "-nodefaults", "-no-reboot",
                "-chardev", f"socket,id=console,fd={console_fd}", "-serial", "chardev:console",
                "-chardev", f"socket,id=log,fd={log_fd}", "-serial", "chardev:log",
                *loader, *monitor, *self.extra]
