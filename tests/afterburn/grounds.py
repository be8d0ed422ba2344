# SPDX-License-Identifier: Apache-2.0
# The grounds that a prepared kernel runs on, each a machine that Session starts: with a kernel and an
# initramfs, or with a wedge and a pack. What leaves the guest is counted from outside.

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
for folder in ("bench/peers", "bench", "guest", "tools"):
    if os.path.join(ROOT, folder) not in sys.path:
        sys.path.insert(1, os.path.join(ROOT, folder))

import kvm
import running
import systems
from mkinitrd import pack, save
from mullion_host.machine import Machine, Vm

CPUS, MEMORY = 4, 512  # of the guest; MiB
SECONDS = 240          # no measure of anything: only hangs take so long
RESULT = re.compile(r"AFTERBURN result (\S+) (\d+) ok$")
STEPS = ("forks", "dd-bytes", "md5sum", "modules", "mappings", "ipis")
MODULES = ("cpuid.ko", "msr.ko")


class Guest(Vm):
    """A guest that runs the workload; its kernel's own lines stay on the console."""

    def __init__(self, cpus=CPUS, words="", role="afterburn"):
        super().__init__("guest", cpus, MEMORY, role, service=True, words=words)

    def cmdline(self):
        return " ".join(word for word in super().cmdline().split() if word != "quiet")


@dataclass
class Boot:
    """What a ground is given to start: paths of a kernel and an initramfs, or of a wedge and a pack."""

    kernel: str
    initrd: str
    guest: str  # the prepared kernel, which a pack is made of

    def sum(self):
        """The SHA-256 of the prepared kernel: the same file on every ground."""
        with open(self.guest, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()


def prepared(build, name="linux-6.1"):
    """The Boot of `afterburn build-linux`'s kernel NAME, as it is, with the workload's initramfs."""
    folder = os.path.join(build, "afterburn", name)
    image = os.path.join(folder, "workload.img")
    guests = os.path.join(build, "guests")
    modules = [os.path.join(folder, "modules", module) for module in MODULES]
    save(pack(os.path.join(guests, "init"), os.path.join(guests, "busybox"), [], modules), image)
    kernel = os.path.join(folder, "vmlinux")
    return Boot(kernel, image, kernel)


def wedged(build, wedge, name="linux-6.1"):
    """The Boot of the same kernel and initramfs in a pack, by a wedge."""
    plain = prepared(build, name)
    path = os.path.join(build, "afterburn", name, "workload.pack")
    subprocess.run([os.path.join(build, "afterburn", "afterburn"), "pack", "--guest", plain.kernel,
                    "--initrd", plain.initrd, "--name", name, "--output", path],
                   check=True, stdout=subprocess.DEVNULL)
    return Boot(os.path.join(build, "afterburn", f"wedge-{wedge}"), path, plain.kernel)


def entry_pattern(path):
    """The first code of what is started, as hexadecimal digits: behind an ELF file's PVH note, or in
    a bzImage."""
    with open(path, "rb") as file:
        elf = file.read()
    if elf[:4] != b"\x7fELF":
        return systems.kernel_pattern(path)

    def word(at, length):
        return int.from_bytes(elf[at:at + length], "little")

    headers = [word(0x20, 8) + i * word(0x36, 2) for i in range(word(0x38, 2))]
    notes = b"".join(elf[word(h + 8, 8):word(h + 8, 8) + word(h + 32, 8)]
                     for h in headers if word(h, 4) == 4)  # PT_NOTE
    at = notes.index(b"\x12\0\0\0Xen\0")  # XEN_ELFNOTE_PHYS32_ENTRY
    size = int.from_bytes(notes[at - 4:at], "little")
    entry = int.from_bytes(notes[at + 8:at + 8 + size], "little")
    for header in headers:
        start = word(header + 24, 8)  # its physical address
        if word(header, 4) == 1 and start <= entry < start + word(header + 32, 8):
            code = word(header + 8, 8) + entry - start
            return elf[code:code + 24].hex()
    raise LookupError(f"{path}: no segment holds {entry:#x}")


class Ground:
    """What all have in common; before the class of a system. NAME tells runs apart."""

    done = "AFTERBURN done"

    wedge, wedge_words = None, ""  # the one that is for it, and what it is told

    def __init__(self, build, name, boot, words="", cpus=CPUS, role="afterburn"):
        super().__init__(build, 0)
        self.boot = boot
        self.directory = os.path.join("afterburn", "run", name)
        self.cores = cpus
        self.vm = Guest(cpus, words, role)
        self.vms = [self.vm]
        if role == "bench":
            self.done = "MULLION-BENCH done"

    def patterns(self):
        return {3: entry_pattern(self.boot.kernel)}


class Bare(Ground, systems.Bare):
    """The emulated machine itself."""

    def loader(self):
        return ["-kernel", self.boot.kernel, "-initrd", self.boot.initrd,
                "-append", self.vm.cmdline()]


class Kvm(Ground, kvm.Kvm):
    """A guest of a stock Debian kernel's kvm-amd, in the emulated machine; QEMU is the VMM.

    COM1 and a virtio console with ports are one console; it answers before the guest goes on."""

    wedge, wedge_words = "kvm", "afterburn.console=virtio:5.1"
    machine = "q35,pit=off,hpet=off,sata=off,smbus=off,i8042=off"
    console = ("-chardev stdio,id=console,mux=on -serial chardev:console "
               "-device virtio-serial-pci,addr=5.1,disable-modern=on,disable-legacy=off,ioeventfd=off "
               "-device virtconsole,chardev=console")

    def kernel_files(self):
        return self.boot.kernel, self.boot.initrd


class Mullion(Ground, systems.Mullion):
    """A VM of Mullion's that is not the service VM."""

    wedge = "mullion"

    def __init__(self, build, name, boot, *options, **more):
        super().__init__(build, name, boot, *options, **more)
        self.vm.service = False
        self.vm.kernel = "guest"
        self.machine = Machine(build, self.vms, directory=self.directory,
                               kernels={"guest": os.path.abspath(boot.kernel)},
                               initrd=os.path.abspath(boot.initrd))


def run(ground):
    """Runs one ground to its end and returns its Result; a HostError if it does not come there."""
    return running.run(ground, SECONDS)


def lines_of(result):
    """What the guest, and its wedge, said."""
    return result.console if result.system.vm.service else result.log


def passed(result):
    """{step: count}; asserts that each of the workload's steps is there, once, and of this run."""
    lines = lines_of(result)
    start = f"AFTERBURN boot {result.system.vm.nonce} cpus {result.system.vm.cpus}"
    assert any(start in line for line in lines), "the guest did not reach user space"
    found = [(match[1], int(match[2])) for match in map(RESULT.search, lines) if match]
    assert sorted(step for step, _ in found) == sorted(STEPS), found
    assert dict(found)["modules"] == len(MODULES), found
    return dict(found)
