# SPDX-License-Identifier: Apache-2.0
# A KVM guest: stock Debian kernel with kvm-amd as the host, Debian's QEMU as the VMM, all in an
# initramfs. The machine microvm is QEMU's smallest; the guest gets no PIT, PIC and RTC. And two of
# them that talk: each with virtio-net, by vhost-net and a tap device on one bridge.

import glob
import os
import re
import stat
import subprocess

import net
from mkinitrd import Newc, applets
from mknet import modules
from mullion_host.steps import HostError
from systems import LINUX_DIRECT, System

HOST_MEMORY = 1024  # MiB beside the guest's: the host's initramfs lies in it
MODULES = ("kvm-amd",)
DATA = ("qboot.rom", "bios-microvm.bin", "bios-256k.bin", "kvmvapic.bin",
        "linuxboot_dma.bin", "pvh.bin")


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
    machine, needed = "microvm,pit=off,pic=off,rtc=off", MODULES
    image, console = "guests/initrd.img", "-serial stdio"

    def notes(self):
        return ["KVM's VMM is QEMU: Debian 12 and 13 have no package of kvmtool."]

    def memory(self):
        return sum(vm.memory for vm in self.vms) + HOST_MEMORY

    def kernel_files(self):
        """The paths of what the VMM loads: the kernel, and its initramfs."""
        return self.path("guests/vmlinuz-6.1"), self.path(self.image)

    def guest_files(self):
        """{path in /guest: bytes}: each guest has its directory."""
        kernel, image = map(read, self.kernel_files())
        files = {"vmlinuz": kernel, "initrd.img": image,
                 "cpus": b"%d" % self.vm.cpus, "memory": b"%d" % self.vm.memory,
                 "machine": self.machine.encode(), "console": self.console.encode()}
        for number, vm in enumerate(self.vms):
            files[f"{number}/cmdline"] = vm.cmdline().encode()
        return files

    def write_configuration(self):
        super().write_configuration()
        archive = Newc()
        busybox = self.path("guests/busybox")
        for name in ("bin", "dev", "guest", "lib", "lib64", "lib/vmm", "modules", "proc", "share",
                     "sys", "tmp", *(f"guest/{number}" for number in range(len(self.vms)))):
            archive.add(name, stat.S_IFDIR | 0o755)
        archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
        here = os.path.dirname(__file__)
        files = {"init": read(os.path.join(here, "kvm-host.sh")), "bin/busybox": read(busybox)}
        files.update({f"guest/{name}": data for name, data in self.guest_files().items()})
        program, environment = vmm_program(self.build)
        files["bin/qemu-system-x86_64"] = read(program)
        for library in libraries(program, environment):
            folder = "lib64" if os.path.basename(library).startswith("ld-") else "lib/vmm"
            files[f"{folder}/{os.path.basename(library)}"] = read(library)
        files.update({f"share/{name}": read(path) for path, name in data_files(self.build)})
        order = modules(self.build, "6.1", self.needed)
        files.update({f"modules/{os.path.basename(path)}": read(path) for path in order})
        files["modules/order"] = "".join(os.path.basename(path) + "\n" for path in order).encode()
        for name, data in files.items():
            archive.add(name, stat.S_IFREG | 0o755, data)
        for name in applets(busybox):
            archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
        with open(self.run_path("host.img"), "wb") as out:
            out.write(archive.finish())

    def loader(self):
        return ["-kernel", self.path("guests/vmlinuz-6.1"), "-initrd", self.run_path("host.img"),
                "-append", "console=ttyS0 quiet panic=1 nokaslr"]


class KvmNet(Kvm):
    """Two KVM guests on a bridge."""

    name, title = "kvm-net", "KVM, two guests"
    what = ("two guests as above, each with virtio-net on PCI, by vhost-net and a tap device on one "
            "bridge of the host.")
    machine, needed = Kvm.machine + ",pcie=on", (*MODULES, "bridge", "tun", "vhost_net")
    image = net.IMAGE

    def __init__(self, *options):
        super().__init__(*options)
        self.vms = net.pair()
        self.vm = self.vms[0]
        self.vm.service = True  # its console is the machine's

    def notes(self):
        return []  # the same ones
