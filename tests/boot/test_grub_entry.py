# SPDX-License-Identifier: Apache-2.0
# What `mullion grub-entry` prints boots: GRUB finds the file system by its UUID, and all files.

import os
import re
import shutil
import subprocess

import pytest

from mullion_host.machine import Machine, configuration
from overlay import read_file, write_overlay
from rig import BOOT_SECONDS, guest, service
from test_grub import master, uefi

UUID = "5a0c7c1e-94f3-4c39-8f0e-3b7f6a2d9e01"
DISK_MIB = 96


def plant(folder, path, text):
    """Write the small file at PATH below FOLDER."""
    full = folder + path
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="ascii") as out:
        out.write(text)


def install(build, vms, root):
    """A machine's files below ROOT as docs/INSTALL.md lays them out, /boot being a partition."""
    machine = Machine(build, vms)
    plant(root, "/boot/mullion/mullion.conf", configuration(vms))
    shutil.copyfile(machine.path("boot/mullion.elf"), root + "/boot/mullion/mullion.elf")
    shutil.copyfile(machine.path("guests/vmlinuz-6.1"), root + "/boot/vmlinuz")
    write_overlay(build, {"bin/mullion": read_file(machine.path("mullion"))},
                  root + "/boot/initrd.img")
    plant(root, "/proc/self/mountinfo",
          "22 1 254:2 / / rw shared:1 - ext4 /dev/vda2 rw\n"
          "23 22 254:1 / /boot rw,relatime shared:2 - ext2 /dev/vda1 rw\n")
    plant(root, "/sys/dev/block/254:1/uevent", "MAJOR=254\nMINOR=1\nDEVNAME=vda1\n")
    os.makedirs(root + "/dev/disk/by-uuid")
    os.symlink("../../vda1", root + f"/dev/disk/by-uuid/{UUID}")


def make_disk(folder, image):
    """A disk whose file system, with the UUID, holds FOLDER's files."""
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext2", "-U", UUID, "-d", folder, image,
                    f"{DISK_MIB}M"], check=True)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_printed_entry(boot, build, firmware, record_property):
    folder = os.path.join(build, "boot", f"test_printed_entry[{firmware}]")
    root, disk = os.path.join(folder, "root"), os.path.join(folder, "disk")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vms = [service(cpus=2), guest("vm", cpus=2)]
    install(build, vms, root)
    entry = subprocess.run([os.path.join(build, "mullion"), "grub-entry", "--root", root],
                           check=True, text=True, stdout=subprocess.PIPE).stdout
    make_disk(root + "/boot", disk)
    disc = master(os.path.join(folder, "disc"), "set timeout=0\nset default=mullion\n" + entry,
                  os.path.join(folder, "grub.iso"))
    words = ["-vga", "std", "-drive", f"file={disk},format=raw,if=virtio", "-boot", "d",
             *(uefi(folder) if firmware == "uefi" else [])]
    run = boot(vms, disc=disc, extra=words)
    spoken = run.reported(seconds=BOOT_SECONDS)
    assert [spoken[vm.name].cpus for vm in vms] == [2, 2]
    start = len(run.console.lines)
    run.type_service("ls /sys/devices/platform | grep framebuffer")
    run.wait(run.console, r"^(simple|vesa|efi)-framebuffer\.0", start=start)
    verdict = probe_in_service_vm(run)
    record_property("seen", f"2 kernels by the entry of {len(entry.splitlines())} lines; {verdict}")
    os.remove(disc)
    os.remove(disk)


def probe_in_service_vm(run):
    """The verdict of `mullion probe` there: Mullion shows SVM to no VM."""
    start = len(run.console.lines)
    run.type_service("mullion probe; echo ended'-'$?")
    run.wait(run.console, "^ended-1$", start=start)
    run.wait(run.console, "^  bare hardware +no +Mullion runs already", start=start)
    run.wait(run.console, "^  AMD SVM +no +this is a VM of Mullion", start=start)
    verdict = run.wait(run.console, "^this machine cannot run Mullion.*", start=start)[0]
    assert re.search(r": \d+ things? to change", verdict)
    return verdict
