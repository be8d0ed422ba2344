#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion grub-entry` on constructed machines. MULLION names the program."""

import os
import shutil
import subprocess
import tempfile
import unittest

from probe_machines import plant

MULLION = os.path.abspath(os.environ.get("MULLION", "build/mullion"))
UUID = "0c1f7b1e-2d54-4b0e-9e1a-6f0b7e0f3a11"
HEADER = b"\x7fELF" + bytes(4092) + (0xe85250d6).to_bytes(4, "little") + bytes(100)
CONFIG = """service host { kernel vmlinuz-6.1; initrd initrd.img-6.1 }
vm one { like host; initrd guest.img }
vm two { kernel unikernel; modules first second }
"""
FILES = {
    "/boot/mullion/mullion.elf": HEADER, "/boot/mullion/mullion.conf": CONFIG,
    "/boot/vmlinuz-6.1": "k", "/boot/initrd.img-6.1": "i", "/boot/mullion/guest.img": "g",
    "/boot/mullion/unikernel": "u", "/boot/first": "1", "/boot/mullion/second": "2",
    "/boot/second": "the one beside the configuration goes before this",
}
ENTRY = """# Printed by `mullion grub-entry`.
menuentry 'Mullion' --id mullion {{
    insmod part_gpt
    insmod part_msdos
{insmod}    insmod all_video
    set gfxpayload=auto
    search --no-floppy --fs-uuid --set=root {uuid}
    echo 'Loading Mullion ...'
    multiboot2 {boot}/mullion/mullion.elf
    module2 --nounzip {boot}/mullion/mullion.conf mullion.conf
    module2 --nounzip {boot}/vmlinuz-6.1 vmlinuz-6.1
    module2 --nounzip {boot}/initrd.img-6.1 initrd.img-6.1
    module2 --nounzip {boot}/mullion/guest.img guest.img
    module2 --nounzip {boot}/mullion/unikernel unikernel
    module2 --nounzip {boot}/first first
    module2 --nounzip {boot}/mullion/second second
}}
"""


def mount(number, device, root, point, kind, source):
    """A line of mountinfo, with an optional field."""
    return f"{number} 1 {device} {root} {point} rw,relatime shared:1 - {kind} {source} rw\n"


class GrubEntry(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def machine(self, mounts, devices, files=None):
        """devices: {"8:1": ("sda1", uuid)}; files: FILES unless given."""
        plant(self.folder, FILES if files is None else files)
        plant(self.folder, {"/proc/self/mountinfo": "garbage\n\n1 2 3\n" + mounts})
        os.makedirs(self.folder + "/dev/disk/by-uuid", exist_ok=True)
        for number, (name, uuid) in devices.items():
            plant(self.folder, {f"/sys/dev/block/{number}/uevent": f"MAJOR=1\nDEVNAME={name}\n"})
            if uuid:
                os.symlink(f"../../{name}", f"{self.folder}/dev/disk/by-uuid/{uuid}")

    def plain(self, **more):
        """One file system for all."""
        self.machine(mount(22, "8:1", "/", "/", "ext4", "/dev/sda1"), {"8:1": ("sda1", UUID)},
                     **more)

    def run_entry(self, *args):
        done = subprocess.run([MULLION, "grub-entry", "--root", self.folder, *args], text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def expect(self, boot, uuid=UUID, insmod="    insmod ext2\n"):
        self.assertEqual(self.run_entry(),
                         (0, ENTRY.format(boot=boot, uuid=uuid, insmod=insmod), ""))

    def fails(self, *texts, args=()):
        status, out, err = self.run_entry(*args)
        self.assertEqual((status, out), (1, ""))
        for text in texts:
            self.assertIn(text, err)

    def test_one_file_system(self):
        self.plain()
        self.expect("/boot")

    def test_boot_partition(self):
        self.machine(mount(22, "8:2", "/", "/", "ext4", "/dev/sda2") +
                     mount(23, "0:5", "/", "/boot/efi", "vfat", "/dev/sda1") +
                     mount(24, "8:3", "/", "/boot", "xfs", "/dev/sda3"),
                     {"8:2": ("sda2", "1111-2222"), "8:3": ("sda3", UUID)})
        self.expect("", insmod="    insmod xfs\n")

    def test_last_mount_wins(self):
        self.machine(mount(22, "8:1", "/", "/", "ext4", "/dev/sda1") +
                     mount(23, "8:2", "/", "/", "ext4", "/dev/sda2") +
                     mount(24, "8:9", "/", "/boo", "ext4", "/dev/sda9"),
                     {"8:1": ("sda1", "1111-2222"), "8:2": ("sda2", UUID)})
        self.expect("/boot")

    def test_subvolume(self):
        """btrfs has no device number; its path begins at its own root."""
        self.machine(mount(22, "0:21", "/@", "/", "btrfs", "/dev/sda2"), {})
        plant(self.folder, {"/dev/sda2": ""})
        os.symlink("../../sda2", f"{self.folder}/dev/disk/by-uuid/{UUID}")
        self.expect("/@/boot", insmod="    insmod btrfs\n")

    def test_lvm_on_raid(self):
        self.machine(mount(22, "254:0", "/", "/", "ext4", "/dev/mapper/vg-root"),
                     {"254:0": ("dm-0", UUID)})
        plant(self.folder, {"/sys/class/block/dm-0/dm/uuid": "LVM-abc\n",
                            "/sys/class/block/dm-0/md/level": "raid1\n"})
        self.expect("/boot", insmod="    insmod mdraid1x\n    insmod lvm\n    insmod ext2\n")

    def test_encrypted(self):
        self.machine(mount(22, "254:0", "/", "/", "ext4", "/dev/mapper/vg-root"),
                     {"254:0": ("dm-0", UUID)})
        plant(self.folder, {"/sys/class/block/dm-0/dm/uuid": "LVM-abc\n",
                            "/sys/class/block/dm-0/slaves/dm-1/x": "",
                            "/sys/class/block/dm-1/dm/uuid": "CRYPT-LUKS2-abc\n"})
        self.fails("mullion.elf: / is encrypted", "copy it to a /boot that GRUB can read")

    def test_escapes(self):
        files = {path.replace("/boot/mullion/", "/boot/my files/"): text
                 for path, text in FILES.items()}
        self.machine(mount(22, "8:1", "/a\\040b", "/boot/my\\040files", "ext4", "/dev/sda1") +
                     mount(23, "8:1", "/", "/", "ext4", "/dev/sda1"), {"8:1": ("sda1", UUID)},
                     files)
        status, out, err = self.run_entry("--image", "/boot/my files/mullion.elf",
                                          "/boot/my files/mullion.conf")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("    multiboot2 '/a b/mullion.elf'\n", out)
        self.assertIn("    module2 --nounzip '/a b/guest.img' guest.img\n", out)
        self.assertIn("    module2 --nounzip /boot/vmlinuz-6.1 vmlinuz-6.1\n", out)

    def test_link(self):
        """GRUB is told of the file itself, the monitor of the name in the configuration."""
        self.plain()
        os.rename(self.folder + "/boot/vmlinuz-6.1", self.folder + "/boot/real")
        os.symlink("real", self.folder + "/boot/vmlinuz-6.1")
        self.assertIn("    module2 --nounzip /boot/real vmlinuz-6.1\n", self.run_entry()[1])
        os.remove(self.folder + "/boot/vmlinuz-6.1")
        os.symlink(MULLION, self.folder + "/boot/vmlinuz-6.1")
        self.fails("/boot/vmlinuz-6.1: ")

    def test_missing_file(self):
        self.plain()
        os.remove(self.folder + "/boot/mullion/guest.img")
        self.fails("/boot/mullion/mullion.conf: vm \"one\": there is no file \"guest.img\" beside it "
                   "and none in /boot; copy the file there, or name another one")
        os.makedirs(self.folder + "/boot/mullion/guest.img")
        self.fails("there is no file \"guest.img\"")

    def test_no_image(self):
        self.plain()
        self.fails("/boot/x.elf: No such file", "copy build/mullion.elf", args=("--image",
                                                                               "/boot/x.elf"))
        plant(self.folder, {"/boot/mullion/mullion.elf": b"\x7fELF" + bytes(40000)})
        self.fails("mullion.elf: this is not Mullion's image: it has no Multiboot 2 header")
        plant(self.folder, {"/boot/mullion/mullion.elf": bytes(32768) + HEADER})
        self.fails("it has no Multiboot 2 header")

    def test_other_file_system(self):
        self.machine(mount(22, "8:1", "/", "/", "ext4", "/dev/sda1") +
                     mount(23, "8:2", "/", "/boot/mullion", "ext4", "/dev/sda2"),
                     {"8:1": ("sda1", "1111-2222"), "8:2": ("sda2", UUID)})
        self.fails("/boot/vmlinuz-6.1: it is not on the file system of the monitor's image; "
                   "copy it to the image's folder")

    def test_no_uuid_or_unknown_kind(self):
        self.plain()
        os.rename(f"{self.folder}/dev/disk/by-uuid/{UUID}",
                  f"{self.folder}/dev/disk/by-uuid/no uuid; at all")
        self.fails("/ (/dev/sda1) has no UUID in /dev/disk/by-uuid")
        plant(self.folder, {"/proc/self/mountinfo": mount(1, "0:1", "/", "/", "zfs", "pool")})
        self.fails("/ is of a kind (zfs) that GRUB")
        os.remove(self.folder + "/proc/self/mountinfo")
        self.fails("/proc/self/mountinfo does not say where it lies")

    def test_names(self):
        for name in ("../x", "a b", "a'b", "a;b", "a{b"):
            self.plain(files={**FILES, "/boot/mullion/mullion.conf":
                              f'vm a {{ kernel "{name}" }}'})
            self.fails(f'vm "a": the module "{name}" is no plain file name; write a name')
            shutil.rmtree(self.folder + "/dev")

    def test_bad_configuration(self):
        self.plain(files={**FILES, "/boot/mullion/mullion.conf": "vm a { cpus 0 }"})
        self.fails("/boot/mullion/mullion.conf:1:13: vm \"a\"")
        status, out, err = self.run_entry("/boot/none.conf")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("/boot/none.conf: No such file", err)

    def test_too_many_modules(self):
        text = "".join(f"vm v{i} {{ kernel k{i}; modules a{i} b{i} c{i} d{i} }}\n"
                       for i in range(13))
        names = {f"/boot/{letter}{i}": "x" for letter in "kabcd" for i in range(13)}
        self.plain(files={**FILES, **names, "/boot/mullion/mullion.conf": text})
        self.fails("this is one boot module too many; name at most 62 files")

    def test_usage(self):
        for args, text in ((("--image",), "a value is missing behind: --image"),
                           (("--img", "x"), "there is no option: --img"),
                           (("a", "b"), "this is too much: b")):
            status, out, err = self.run_entry(*args)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(text, err)


if __name__ == "__main__":
    unittest.main()
