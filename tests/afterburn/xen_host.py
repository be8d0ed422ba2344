# SPDX-License-Identifier: Apache-2.0
# The machine under Xen: Debian's hypervisor, its ordinary kernel as paravirtual dom0, and an
# initramfs with Xen's tools that starts one PVH guest. Nothing of it is installed.

import glob
import gzip
import os
import re
import stat
import subprocess
from dataclasses import dataclass

from mkinitrd import Newc, applets
from mullion_host.packages import Fetcher

XEN, TOOLS, KERNEL = "xen-hypervisor-4.17-amd64", "xen-utils-4.17", "linux-image-amd64"
EMULATOR, CPU = "qemu-system-x86", "EPYC,+svm,+npt,-monitor,-smap,-smep"
PROGRAMS = ("xl", "xenstored", "xenconsoled", "xen-init-dom0")
MODULES = ("xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs")
LOADED_LATE = "/lib/x86_64-linux-gnu/libgcc_s.so.1"  # by libc, when xl ends a thread
DIRECTORIES = ("bin", "dev", "etc", "etc/xen", "guest", "lib", "lib/xen", "lib64", "modules", "proc",
               "run", "sys", "tmp", "var", "var/lib", "var/log", "var/log/xen")
DOM0_MEMORY, XEN_MEMORY = 640, 512  # MiB
# hap: nested paging. tsc_mode: the emulated processor has no invariant TSC, so that Xen would
# emulate RDTSC; QEMU tells it of an RDTSCP as of an RDTSC, and Xen then finds another instruction.
CONFIGURATION = """\
name = "{0.name}"
type = "pvh"
kernel = "/guest/kernel"
ramdisk = "/guest/ramdisk"
cmdline = "{0.cmdline}"
vcpus = {0.cpus}
memory = {0.memory}
hap = {0.nested:d}
tsc_mode = "native"
on_crash = "destroy"
on_reboot = "destroy"
on_poweroff = "destroy"
"""


@dataclass
class Guest:
    """What xl is told of a guest; kernel and ramdisk by their paths, memory in MiB."""

    name: str
    kernel: str
    ramdisk: str
    cmdline: str
    cpus: int
    memory: int
    nested: bool  # nested paging, else shadow page tables


def read(path):
    """A file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def libraries(program, folder):
    """The files that the dynamic linker would load, the linker itself among them."""
    said = subprocess.run(["ldd", program], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "LD_LIBRARY_PATH": folder}).stdout
    if "not found" in said:
        raise LookupError(f"{program} lacks a library:\n{said}")
    return set(re.findall(r"(/\S+\.so\S*)", said))


def module_order(folder):
    """Paths of MODULES and what they need, in the order of loading; those built in are left out."""
    files = {os.path.basename(path)[:-3].replace("-", "_"): path
             for path in glob.glob(os.path.join(folder, "**", "*.ko"), recursive=True)}
    order = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path and path not in order:
            needed = re.search(rb"\0depends=([^\0]*)\0", read(path))
            for other in filter(None, needed[1].decode().split(",")):
                add(other)
            order.append(path)

    for name in MODULES:
        add(name)
    return order


def tool_files(build):
    """{path in dom0: bytes} of Xen's programs and the libraries that they need."""
    tools, _ = Fetcher(build).unpacked_whole(TOOLS)
    programs = {name: glob.glob(os.path.join(tools, "usr/lib/xen-*/bin", name))[0]
                for name in PROGRAMS}
    folder = os.path.join(tools, "usr/lib/x86_64-linux-gnu")
    needed = set().union(*(libraries(path, folder) for path in programs.values()), {LOADED_LATE})
    files = {f"bin/{name}": read(path) for name, path in programs.items()}
    for path in needed:
        name = os.path.basename(path)
        files[f"{'lib64' if name.startswith('ld-') else 'lib/xen'}/{name}"] = read(path)
    return files


def image(build, guest):
    """dom0's initramfs, with GUEST in it."""
    busybox = os.path.join(build, "guests/busybox")
    modules = module_order(Fetcher(build).unpacked(KERNEL)[0])
    names = [os.path.basename(path) for path in modules]
    files = {"init": read(os.path.join(os.path.dirname(__file__), "xen-host.sh")),
             "bin/busybox": read(busybox), **tool_files(build),
             **{f"modules/{name}": read(path) for name, path in zip(names, modules)},
             "modules/order": "".join(name + "\n" for name in names).encode(),
             "etc/xen/xl.conf": b'autoballoon="off"\n',
             "guest/xl.cfg": CONFIGURATION.format(guest).encode(),
             "guest/name": guest.name.encode() + b"\n",
             "guest/kernel": read(guest.kernel), "guest/ramdisk": read(guest.ramdisk)}
    archive = Newc()
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for name, data in files.items():
        archive.add(name, stat.S_IFREG | 0o755, data)
    for name in applets(busybox):
        if f"bin/{name}" not in files:
            archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
    return archive.finish()


def hypervisor(build):
    """Xen's image as QEMU's -kernel takes it."""
    folder, _ = Fetcher(build).unpacked(XEN)
    return gzip.decompress(read(glob.glob(os.path.join(folder, "boot", "xen-*.gz"))[0]))


def kernel(build):
    """dom0's kernel."""
    return glob.glob(os.path.join(Fetcher(build).unpacked(KERNEL)[0], "boot", "vmlinuz-*"))[0]


def words(cores):
    """Xen's own command line."""
    return f"console=com1 dom0_mem={DOM0_MEMORY}M,max:{DOM0_MEMORY}M dom0_max_vcpus={cores} noreboot"


def release_emulator(build):
    """(first words of its command line, major version) of the release's own QEMU."""
    root, version = Fetcher(build).unpacked_whole(EMULATOR)
    usr = os.path.join(root, "usr")
    folders = [os.path.join(top, "lib/x86_64-linux-gnu") for top in (root, usr)]
    folders += [path for path in glob.glob(os.path.join(folders[1], "*")) if os.path.isdir(path)]
    data = [word for top in (usr, "/usr") for name in ("qemu", "seabios")
            for word in ("-L", os.path.join(top, "share", name))]
    return ["env", f"LD_LIBRARY_PATH={':'.join(folders)}",
            f"QEMU_MODULE_DIR={os.path.join(folders[1], 'qemu')}",
            os.path.join(usr, "bin/qemu-system-x86_64"), *data], \
        int(re.match(r"(?:\d+:)?(\d+)", version)[1])
