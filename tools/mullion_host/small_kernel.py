# SPDX-License-Identifier: Apache-2.0
# A small SMP Linux from Debian's source, build/guests/vmlinuz-small: as few instructions to user
# space as a Linux with Mullion's console, virtio sockets and several cores needs.

import fcntl
import hashlib
import os
import shutil

from .compile import logged
from .packages import Fetcher
from .steps import HostError

SERIES, SUITE = "6.1", "bookworm"
JOBS = 2
OBJECTS = 1000  # about so many files are compiled; for the progress

# All that is not named here is off, as far as the kernel can be without it.
SWITCHED_ON = """
    EXPERT EMBEDDED 64BIT SMP GENERIC_CPU RELOCATABLE KERNEL_LZ4 CC_OPTIMIZE_FOR_PERFORMANCE
    HYPERVISOR_GUEST PARAVIRT KVM_GUEST X86_X2APIC PVH ACPI PCI PCI_DIRECT PCI_MSI HOTPLUG_CPU
    PREEMPT_NONE HZ_100 HZ_PERIODIC HIGH_RES_TIMERS POSIX_TIMERS SLUB UNWINDER_FRAME_POINTER
    LEGACY_VSYSCALL_NONE INIT_STACK_NONE IO_DELAY_NONE
    PRINTK TTY SERIAL_8250 SERIAL_8250_CONSOLE SERIAL_8250_PCI MAGIC_SYSRQ MAGIC_SYSRQ_SERIAL
    BLK_DEV_INITRD RD_GZIP BINFMT_ELF BINFMT_SCRIPT MULTIUSER FILE_LOCKING FUTEX EPOLL EVENTFD
    SIGNALFD TIMERFD SYSFS_SYSCALL ADVISE_SYSCALLS
    PROC_FS PROC_SYSCTL SYSFS DEVTMPFS SHMEM TMPFS
    NET UNIX INET VSOCKETS VIRTIO_MENU VIRTIO VIRTIO_PCI VIRTIO_VSOCKETS
""".split()
VALUES = {"NR_CPUS": "16", "SERIAL_8250_NR_UARTS": "2", "SERIAL_8250_RUNTIME_UARTS": "2"}
# The same bytes wherever and whenever it is built.
NAMES = {"KBUILD_BUILD_TIMESTAMP": "@0", "KBUILD_BUILD_USER": "mullion", "KBUILD_BUILD_HOST": "mullion",
         "KBUILD_BUILD_VERSION": "1"}


class SmallKernel:
    """Brings build/guests/vmlinuz-small and its entry in manifest.json."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.root = os.path.join(self.build, "small")
        self.tree = os.path.join(self.root, "source")
        self.image = os.path.join(self.build, "guests", "vmlinuz-small")
        self.fetcher = Fetcher(build)
        self.package = f"linux-source-{SERIES}"
        self.version = None
        os.makedirs(self.root, exist_ok=True)

    def run(self, steps):
        """All of it that is not here yet; of two at once, the second waits and finds it here."""
        with open(os.path.join(self.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps.run("fetch Linux's source", self._fetch)
            steps.run("unpack it", self._unpack)
            steps.run("configure", self._configure)
            steps.run("build the small kernel", lambda: self._make(steps.note))

    def _tarball(self):
        return os.path.join(self.build, "peers", self.package, "usr", "src", f"{self.package}.tar.xz")

    def _fetch(self):
        here = ", here already" if os.path.exists(self._tarball()) else ""
        _, self.version = self.fetcher.unpacked(self.package, SUITE)
        return f"{self.package} {self.version}{here}", os.path.getsize(self._tarball())

    def _wanted(self):
        """The configuration's lines that are asked for."""
        return ([f"CONFIG_{name}=y" for name in SWITCHED_ON]
                + [f"CONFIG_{name}={value}" for name, value in VALUES.items()])

    def _stamp(self):
        """What decides whether it is here already."""
        text = repr((self.version, self._wanted(), NAMES))
        return hashlib.sha256(text.encode()).hexdigest()

    def _built(self):
        known = self.fetcher.manifest().get("vmlinuz-small", {})
        return known.get("stamp") == self._stamp() and os.path.exists(self.image)

    def _unpack(self):
        if self._built():
            return "done already", None
        shutil.rmtree(self.tree, ignore_errors=True)
        os.makedirs(self.tree)
        self._call("unpack", ["tar", "-xf", self._tarball(), "-C", self.tree,
                              "--strip-components=1"])
        return "done", None

    def _configure(self):
        if self._built():
            return "done already", None
        asked = os.path.join(self.root, "config")
        with open(asked, "w", encoding="ascii") as out:
            out.write("".join(line + "\n" for line in self._wanted()))
        self._call("configure", ["make", f"KCONFIG_ALLCONFIG={asked}", "allnoconfig"], cwd=self.tree)
        with open(os.path.join(self.tree, ".config"), encoding="ascii") as text:
            got = text.read().splitlines()
        lost = [line for line in self._wanted() if line not in got]
        if lost:
            raise HostError(f"Linux {self.version} does not take {', '.join(lost)}; correct the "
                            "list in tools/mullion_host/small_kernel.py")
        return f"{len(self._wanted())} settings, {sum('=y' in line for line in got)} with theirs", None

    def _make(self, note):
        if self._built():
            os.utime(self.image)  # for make: it is up to date with the list
            return "built already", os.path.getsize(self.image)
        self._call("make", ["make", f"-j{JOBS}", "bzImage"], note, cwd=self.tree)
        made = os.path.join(self.tree, "arch", "x86", "boot", "bzImage")
        shutil.copyfile(made, self.image + ".new")
        os.replace(self.image + ".new", self.image)
        self.fetcher.record("vmlinuz-small", package=self.package, version=self.version,
                            suite=SUITE, stamp=self._stamp())
        shutil.rmtree(self.tree)  # 1.5 GB
        return "built", os.path.getsize(self.image)

    def _call(self, name, command, note=None, cwd=None):
        """Runs it, its words in NAME.log; says now and then how many files are compiled."""
        logged(command, os.path.join(self.root, f"{name}.log"), NAMES, cwd, note,
               (r"^  (CC|AS) ", OBJECTS, 100))
