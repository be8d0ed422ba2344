# SPDX-License-Identifier: Apache-2.0
# The machine under Xen: Debian's hypervisor, its ordinary kernel as paravirtual dom0, and an
# initramfs of Xen's tools that starts guests.

import glob
import gzip
import os
import stat
import subprocess
import re

from mkinitrd import Newc, applets
from mullion_host.packages import Fetcher

XEN, TOOLS, KERNEL = "xen-hypervisor-4.17-amd64", "xen-utils-4.17", "linux-image-amd64"
PROGRAMS = ("xl", "xenstored", "xenconsoled", "xen-init-dom0")
MODULES = ("xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs")
HAP = int(os.environ.get("HAP", "1"))
DOM0_MEMORY = 768
GUEST = """\
name = "{name}"
type = "pvh"
kernel = "/guest/{name}/kernel"
ramdisk = "/guest/{name}/ramdisk"
cmdline = "{cmdline}"
memory = {memory}
vcpus = {cpus}
hap = {hap}
tsc_mode = "native"
on_crash = "destroy"
on_reboot = "destroy"
on_poweroff = "destroy"
"""


def read(path):
    """A file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def libraries(program, folder):
    """The files that the dynamic linker would load, the linker itself among them."""
    said = subprocess.run(["ldd", program], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "LD_LIBRARY_PATH": folder}).stdout
    assert "not found" not in said, said
    return set(re.findall(r"(/\S+\.so\S*)", said))


def modules(folder):
    """Paths of MODULES and what they need, in the order of loading; those built in are left out."""
    files = {os.path.basename(path)[:-3].replace("-", "_"): path
             for path in glob.glob(os.path.join(folder, "**/*.ko"), recursive=True)}
    order = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path and path not in order:
            found = re.search(rb"\0depends=([^\0]*)\0", read(path))
            for needed in filter(None, found[1].decode().split(",")):
                add(needed)
            order.append(path)

    for name in MODULES:
        add(name)
    return order


def image(build, guests):
    """dom0's initramfs. GUESTS: (name, kernel file, ramdisk file, command line, vCPUs, MiB)."""
    fetcher = Fetcher(build)
    tools, _ = fetcher.unpacked_whole(TOOLS)
    kernel, _ = fetcher.unpacked(KERNEL)
    busybox = os.path.join(build, "guests/busybox")
    archive = Newc()
    for name in ("bin", "dev", "etc", "etc/xen", "guest", "lib", "lib/xen", "lib64", "modules", "proc", "run", "sbin", "sys",
                 "tmp", "var", "var/lib", "var/log", "var/log/xen",
                 *(f"guest/{guest[0]}" for guest in guests)):
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    files = {"init": read(os.path.join(os.path.dirname(__file__), "xen-host.sh")),
             "bin/busybox": read(busybox), "etc/xen/xl.conf": b"autoballoon=\"off\"\n"}
    needed = set()
    for name in PROGRAMS:
        path = os.path.join(tools, "usr/lib/xen-4.17/bin", name)
        files[f"bin/{name}"] = read(path)
        needed |= libraries(path, os.path.join(tools, "usr/lib/x86_64-linux-gnu"))
    needed.add("/lib/x86_64-linux-gnu/libgcc_s.so.1")  # libc loads it to end a thread
    for path in sorted(needed):
        folder = "lib64" if os.path.basename(path).startswith("ld-") else "lib/xen"
        files[f"{folder}/{os.path.basename(path)}"] = read(path)
    order = modules(kernel)
    files.update({f"modules/{os.path.basename(path)}": read(path) for path in order})
    files["modules/order"] = "".join(os.path.basename(path) + "\n" for path in order).encode()
    for name, boot, ramdisk, cmdline, cpus, memory in guests:
        files[f"guest/{name}/kernel"] = read(boot)
        files[f"guest/{name}/ramdisk"] = read(ramdisk)
        files[f"guest/{name}/xl.cfg"] = GUEST.format(name=name, cmdline=cmdline, cpus=cpus, hap=HAP,
                                                     memory=memory).encode()
    for name, data in files.items():
        archive.add(name, stat.S_IFREG | 0o755, data)
    for name in applets(busybox):
        archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
    return archive.finish()


def hypervisor(build):
    """Xen's image as QEMU's -kernel takes it."""
    folder, _ = Fetcher(build).unpacked(XEN)
    return gzip.decompress(read(glob.glob(os.path.join(folder, "boot", "xen-*.gz"))[0]))
