# SPDX-License-Identifier: Apache-2.0
# A KVM guest: stock Debian kernel with kvm-amd as the host, Debian's QEMU as the VMM, all in an
# initramfs. The machine monitor microvm is QEMU's smallest; the guest gets no PIT, PIC and RTC.

import glob
import os
import re
import stat
import subprocess

from mkinitrd import Newc, applets
from mullion_host.packages import Fetcher
from mullion_host.steps import HostError
from systems import CORES, LINUX_DIRECT, MEMORY, System

HOST_MEMORY = 1024  # MiB beside the guest's: the host's initramfs lies in it
MODULES = ("virt/lib/irqbypass", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-amd")
DATA = ("qboot.rom", "bios-microvm.bin", "linuxboot_dma.bin", "pvh.bin")


def vmm_program(build):
    """(program, environment) of the QEMU that the build has: unpacked, or the system's."""
    unpacked = os.path.join(build, "host", "qemu", "usr", "bin", "qemu-system-x86_64")
    if not os.path.exists(unpacked):
        with open(os.path.join(build, "host", "qemu-system-x86_64"), encoding="utf-8") as text:
            return re.search(r"^exec (\S+)", text.read(), re.MULTILINE)[1], dict(os.environ)
    root = os.path.join(build, "host", "qemu")
    where = [p for p in ("lib", "usr/lib") for p in
             glob.glob(os.path.join(root, p, "x86_64-linux-gnu"))]
    where += [d for p in where for d in glob.glob(os.path.join(p, "*")) if os.path.isdir(d)]
    return unpacked, {**os.environ, "LD_LIBRARY_PATH": ":".join(map(os.path.abspath, where))}


def libraries(program, environment):
    """The files that the dynamic linker would load, the linker itself among them."""
    said = subprocess.run(["ldd", program], env=environment, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    if "not found" in said:
        raise HostError(f"{program} lacks a library:\n{said}")
    return sorted(set(re.findall(r"(/\S+\.so\S*)", said)))


def data_files(build):
    """QEMU's firmware files, from the build's QEMU or from the system's."""
    where = [os.path.join(build, "host", "qemu", "usr", "share"), "/usr/share"]
    for name in DATA:
        found = [path for folder in where for kind in ("qemu", "seabios")
                 if os.path.exists(path := os.path.join(folder, kind, name))]
        if found:
            yield found[0], name


def read(path):
    """A file's bytes."""
    with open(path, "rb") as file:
        return file.read()


class Kvm(System):
    """The kernel as a KVM guest of the same kernel."""

    name, title, kind, direct = "kvm", "KVM", "svm", LINUX_DIRECT
    what = ("a guest of the same kernel's kvm-amd; QEMU, machine `microvm` without PIT, PIC and "
            "RTC, is the VMM; each vCPU pinned to a core of its own.")

    def memory(self):
        return MEMORY + HOST_MEMORY

    def notes(self):
        return ["KVM's VMM is QEMU: Debian 12 and 13 have no package of kvmtool."]

    def modules(self):
        """The host kernel's modules."""
        release = Fetcher(self.build).manifest()["vmlinuz-6.1"]["release"]
        for module in MODULES:
            yield glob.glob(self.path(f"kernels/*/lib/modules/{release}/kernel/{module}.ko"))[0]

    def write_configuration(self):
        super().write_configuration()
        archive = Newc()
        busybox = self.path("guests/busybox")
        for name in ("bin", "dev", "guest", "lib", "lib64", "lib/vmm", "modules", "proc", "share",
                     "sys", "tmp"):
            archive.add(name, stat.S_IFDIR | 0o755)
        archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
        here = os.path.dirname(__file__)
        files = {"init": read(os.path.join(here, "kvm-host.sh")), "bin/busybox": read(busybox),
                 "guest/vmlinuz": read(self.path("guests/vmlinuz-6.1")),
                 "guest/initrd.img": read(self.path("guests/initrd.img")),
                 "guest/cmdline": self.vm.cmdline().encode(), "guest/cpus": b"%d" % CORES,
                 "guest/memory": b"%d" % MEMORY}
        program, environment = vmm_program(self.build)
        files["bin/qemu-system-x86_64"] = read(program)
        for library in libraries(program, environment):
            folder = "lib64" if os.path.basename(library).startswith("ld-") else "lib/vmm"
            files[f"{folder}/{os.path.basename(library)}"] = read(library)
        files.update({f"share/{name}": read(path) for path, name in data_files(self.build)})
        files.update({f"modules/{os.path.basename(path)}": read(path) for path in self.modules()})
        for name, data in files.items():
            archive.add(name, stat.S_IFREG | 0o755, data)
        for name in applets(busybox):
            archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
        with open(self.run_path("host.img"), "wb") as out:
            out.write(archive.finish())

    def loader(self):
        return ["-kernel", self.path("guests/vmlinuz-6.1"), "-initrd", self.run_path("host.img"),
                "-append", "console=ttyS0 quiet panic=1 nokaslr"]
