# SPDX-License-Identifier: Apache-2.0
# A real boot loader: GRUB starts Mullion by Multiboot 2 from a disc, on BIOS and on UEFI.

import os
import secrets
import shutil
import subprocess

import pytest

from mullion_host.machine import Machine, configuration
from overlay import kernel_module, write_overlay
from rig import BOOT_SECONDS, guest, service

OVMF = "/usr/share/OVMF"
VENDOR = "6d756c6c-696f-4e00-8000-000000000001"  # of a variable that only the test has


def master(files, menu, disc):
    """Write the ISO DISC from the folder FILES, which goes, with MENU as grub.cfg; its path."""
    os.makedirs(os.path.join(files, "boot", "grub"), exist_ok=True)
    with open(os.path.join(files, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as out:
        out.write(menu)
    made = subprocess.run(["grub-mkrescue", "-o", disc, files], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert made.returncode == 0, made.stdout
    shutil.rmtree(files)
    return disc


def make_disc(build, vms, folder, **options):
    """An ISO with GRUB for both kinds of firmware, Mullion and its modules; its path."""
    machine = Machine(build, vms, image="boot/mullion.elf", **options)
    files = os.path.join(folder, "disc")
    shutil.rmtree(files, ignore_errors=True)
    os.makedirs(os.path.join(files, "boot"))
    with open(os.path.join(files, "boot", "mullion.conf"), "w", encoding="ascii") as out:
        out.write(configuration(vms))
    lines = ["set timeout=0", "insmod all_video", "menuentry Mullion {",
             "  multiboot2 /boot/mullion.elf"]
    for path, name in machine.modules():
        if name != "mullion.conf":
            shutil.copyfile(path, os.path.join(files, "boot", name))
        lines.append(f"  module2 --nounzip /boot/{name} {name}")
    shutil.copyfile(machine.path(machine.image), os.path.join(files, "boot", "mullion.elf"))
    return master(files, "\n".join([*lines, "}", ""]), os.path.join(folder, "mullion.iso"))


def uefi(folder):
    """QEMU's words for UEFI firmware with variables of its own."""
    variables = os.path.join(folder, "variables.fd")
    shutil.copyfile(f"{OVMF}/OVMF_VARS_4M.fd", variables)
    return ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}/OVMF_CODE_4M.fd",
            "-drive", f"if=pflash,format=raw,file={variables}"]


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_grub(boot, build, firmware):
    folder = os.path.join(build, "boot", f"test_grub[{firmware}]")
    os.makedirs(folder, exist_ok=True)
    vms = [service(cpus=2), guest("vm", cpus=2)]
    words = ["-vga", "std", *(uefi(folder) if firmware == "uefi" else [])]
    run = boot(vms, disc=make_disc(build, vms, folder), extra=words)
    spoken = run.reported(seconds=BOOT_SECONDS)
    assert [spoken[vm.name].cpus for vm in vms] == [2, 2]
    assert run.log_lines("2 VMs start")
    run.service_answers("after")
    start = len(run.console.lines)
    run.type_service("ls /sys/devices/platform | grep framebuffer")
    run.wait(run.console, r"^(simple|vesa|efi)-framebuffer\.0", start=start)
    os.remove(os.path.join(folder, "mullion.iso"))


def test_efi(boot, build):
    """The service VM uses the firmware's runtime services; restarted, it does without."""
    folder = os.path.join(build, "boot", "test_efi")
    os.makedirs(folder, exist_ok=True)
    initrd = "boot/test_efi/initrd.img"
    write_overlay(build, {"efivarfs.ko": kernel_module(build, "fs/efivarfs/efivarfs.ko")},
                  os.path.join(build, initrd))
    vms = [service(), guest("vm")]
    words = uefi(folder)
    run = boot(vms, disc=make_disc(build, vms, folder, initrd=initrd), extra=words)
    run.reported(seconds=BOOT_SECONDS)
    secret = secrets.token_hex(8)
    run.type_service("insmod /efivarfs.ko && mount -t efivarfs none /tmp && "
                     f"printf '\\007\\000\\000\\000{secret}' > /tmp/Mullion-{VENDOR}; "
                     "echo variables $(ls /tmp | wc -l)")
    found = run.wait(run.console, r"^variables (\d+)")
    assert int(found[1]) > 10
    with open(os.path.join(folder, "variables.fd"), "rb") as flash:
        assert secret.encode() in flash.read(), "what it wrote is not in the firmware's flash"
    start = len(run.console.lines)
    run.type_service("reboot -f")
    run.log_line(r'.*vm "host": start 2')
    run.wait(run.console, "built-in shell", start=start, seconds=BOOT_SECONDS)
    run.service_answers("after")
    run.type_service("ls -d /sys/firmware/efi || echo no EFI")
    run.wait(run.console, r"^no EFI", start=start)
    os.remove(os.path.join(folder, "mullion.iso"))
