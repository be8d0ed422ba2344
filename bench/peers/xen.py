# SPDX-License-Identifier: Apache-2.0
# Xen: the kernel as its paravirtual dom0, with as many vCPUs as cores, each pinned to one.

import glob
import gzip
import os

from mullion_host.packages import Fetcher
from systems import CORES, MEMORY, System

XEN, KERNEL = "xen-hypervisor-4.17-amd64", "linux-image-amd64"
XEN_MEMORY = 512  # MiB beside dom0's


class Xen(System):
    """The kernel under Xen. Debian's cloud kernel cannot be a dom0: the ordinary one is."""

    name, title, kind = "xen", "Xen PV", "xen"
    what = ("Xen 4.17 with the kernel as paravirtual dom0, its vCPUs pinned. It has no exits; what "
            "is counted are entries into Xen's addresses: hypercalls, interrupts, faults, and each "
            "system call, which Xen passes on.")

    def notes(self):
        return ["Xen: Debian's cloud kernel is built without XEN_DOM0, so dom0 is the ordinary "
                "kernel of the same version.",
                "Xen, boot: a paravirtual kernel begins elsewhere and already unpacked, so its "
                "boot is not compared.",
                "Xen, dom0 as PVH (with VMRUN, so with exits): in this emulator it needs "
                "`-device amd-iommu` and stopped early when it was tried; guests beside dom0 need "
                "Xen's tools in it, which was not tried."]

    def patterns(self):
        return {}  # a paravirtual kernel starts elsewhere, and unpacked

    def memory(self):
        return MEMORY + XEN_MEMORY

    def write_configuration(self):
        super().write_configuration()
        fetcher = Fetcher(self.build)
        hypervisor, _ = fetcher.unpacked(XEN)
        packed = glob.glob(os.path.join(hypervisor, "boot", "xen-*.gz"))[0]
        with gzip.open(packed) as image, open(self.run_path("xen"), "wb") as out:
            out.write(image.read())

    def loader(self):
        kernel, _ = Fetcher(self.build).unpacked(KERNEL)
        image = glob.glob(os.path.join(kernel, "boot", "vmlinuz-*"))[0]
        words = self.vm.cmdline().replace("console=ttyS0", "console=hvc0")
        return ["-kernel", self.run_path("xen"),
                "-append", f"console=com1 dom0_mem={MEMORY}M dom0_max_vcpus={CORES} "
                "dom0_vcpus_pin noreboot",
                "-initrd", f"{image} {words},{self.path('guests/initrd.img')}"]
