# SPDX-License-Identifier: Apache-2.0
# From a running stock kernel into Mullion, without the firmware: kexec-tools as Debian packages it.

import os
import re
import shutil
import subprocess

import pytest

from bare import Bare, shell, start_bare
from mullion_host.machine import configuration
from mullion_host.packages import Fetcher
from overlay import read_file
from rig import BOOT_SECONDS, guest, service
from test_grub import master, uefi

MEMORY = 1536  # MiB
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def kexec_files(build):
    """{path: bytes}: the program and each library that it loads."""
    root, version = Fetcher(build).unpacked_whole("kexec-tools")
    program = next(path for path in (f"{root}/sbin/kexec", f"{root}/usr/sbin/kexec")
                   if os.path.exists(path))
    found = subprocess.run(["ldd", program], check=True, text=True, stdout=subprocess.PIPE,
                           env={**os.environ, "LD_LIBRARY_PATH": f"{root}/{LIBRARIES}"}).stdout
    files = {"sbin/kexec": read_file(program)}
    for path in re.findall(r"(/\S+) \(0x", found):
        loader = os.path.basename(path).startswith("ld-linux")
        folder = "lib64" if loader else "lib/x86_64-linux-gnu"
        files[f"{folder}/{os.path.basename(path)}"] = read_file(path)
    return files, version


def linux_disc(machine):
    """A disc from which GRUB starts the stock kernel."""
    files = machine.run_path("disc")
    os.makedirs(os.path.join(files, "boot"), exist_ok=True)
    shutil.copyfile(machine.path("guests/vmlinuz-6.1"), os.path.join(files, "boot", "vmlinuz"))
    shutil.copyfile(machine.run_path("initrd.img"), os.path.join(files, "boot", "initrd.img"))
    return master(files, f"linux /boot/vmlinuz {machine.vms[0].cmdline()}\n"
                  "initrd /boot/initrd.img\nboot\n", machine.run_path("linux.iso"))


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_kexec(build, request, record_property, firmware):
    runs = request.node.mullion_runs = []
    vms = [service(cpus=2), guest("vm", cpus=2)]
    machine = Bare(build, vms, memory=MEMORY, directory=f"boot/test_kexec[{firmware}]",
                   image="boot/mullion.elf")
    files, version = kexec_files(build)
    modules = {"mullion.conf": configuration(vms).encode(),
               "vmlinuz": read_file(machine.path("guests/vmlinuz-6.1")),
               "initrd.img": read_file(machine.path("guests/initrd.img"))}
    files |= {name: data for name, data in modules.items()}
    files["mullion.elf"] = read_file(machine.path("boot/mullion.elf"))
    machine.prepare(files)
    if firmware == "uefi":
        machine.disc = linux_disc(machine)
        machine.extra = ["-vga", "std", *uefi(machine.run_path(""))]
    try:
        run = start_bare(machine, runs)
        assert not run.log_lines("Mullion")
        words = " ".join(f'--module="/{name} {name}"' for name in modules)
        if firmware == "uefi":  # kexec does not say where the tables are; the kernel knows
            words += " --command-line=rsdp=$(sed -n s/ACPI20=//p /sys/firmware/efi/systab)"
        lines, status = shell(run, f"kexec -l /mullion.elf {words}")
        assert status == 0, "\n".join(lines)
        start = len(run.console.lines)
        run.type_service("kexec -e")
        run.log_line("2 VMs start", seconds=BOOT_SECONDS)
        host = run.wait(run.console, r"MULLION-REPORT name=host .* cpus=(\d+) ", start=start,
                        seconds=BOOT_SECONDS)
        run.vm_line("vm", f"MULLION-REPORT name=vm nonce={vms[1].nonce} .* cpus=2 ",
                    seconds=BOOT_SECONDS)
        assert host[1] == "2"
        run.wait(run.console, "built-in shell", start=start)
        run.service_answers("after")
        record_property("seen", f"kexec-tools {version}: 2 kernels")
    finally:
        for run in runs:
            run.end()
        if machine.disc:
            os.remove(machine.disc)
