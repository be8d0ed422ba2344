# SPDX-License-Identifier: Apache-2.0
# A small SMP Linux from Debian's source, build/guests/vmlinuz-small: as few instructions to user
# space as a Linux with Mullion's console, virtio sockets and several cores needs.

import fcntl
import hashlib
import os
import shutil

from .linux_source import NAMES, LinuxSource

SERIES = "6.1"
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


class SmallKernel:
    """Brings build/guests/vmlinuz-small and its entry in manifest.json."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.root = os.path.join(self.build, "small")
        self.tree = os.path.join(self.root, "source")
        self.image = os.path.join(self.build, "guests", "vmlinuz-small")
        self.linux = LinuxSource(build, SERIES, self.root, OBJECTS)
        os.makedirs(self.root, exist_ok=True)

    def run(self, steps):
        """All of it that is not here yet; of two at once, the second waits and finds it here."""
        with open(os.path.join(self.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps.run("fetch Linux's source", self.linux.fetch)
            steps.run("unpack it", self._unpack)
            steps.run("configure", self._configure)
            steps.run("build the small kernel", lambda: self._make(steps.note))

    def _wanted(self):
        """The configuration's lines that are asked for."""
        return ([f"CONFIG_{name}=y" for name in SWITCHED_ON]
                + [f"CONFIG_{name}={value}" for name, value in VALUES.items()])

    def _stamp(self):
        """What decides whether it is here already."""
        text = repr((self.linux.version, self._wanted(), NAMES))
        return hashlib.sha256(text.encode()).hexdigest()

    def _built(self):
        known = self.linux.fetcher.manifest().get("vmlinuz-small", {})
        return known.get("stamp") == self._stamp() and os.path.exists(self.image)

    def _unpack(self):
        if self._built():
            return "done already", None
        shutil.rmtree(self.tree, ignore_errors=True)
        os.makedirs(self.tree)
        self.linux.unpack(self.tree, "--strip-components=1")
        return "done", None

    def _configure(self):
        if self._built():
            return "done already", None
        got = self.linux.configure(self.tree, self._wanted(), os.path.join(self.root, "config"),
                                   "small_kernel.py")
        return f"{len(self._wanted())} settings, {sum('=y' in line for line in got)} with theirs", None

    def _make(self, note):
        if self._built():
            os.utime(self.image)  # for make: it is up to date with the list
            return "built already", os.path.getsize(self.image)
        self.linux.call("make", ["make", f"-j{JOBS}", "bzImage"], self.tree, note)
        made = os.path.join(self.tree, "arch", "x86", "boot", "bzImage")
        shutil.copyfile(made, self.image + ".new")
        os.replace(self.image + ".new", self.image)
        self.linux.fetcher.record("vmlinuz-small", package=self.linux.package,
                                  version=self.linux.version, suite=self.linux.suite,
                                  stamp=self._stamp())
        shutil.rmtree(self.tree)  # 1.5 GB
        return "built", os.path.getsize(self.image)
