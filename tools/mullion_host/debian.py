# SPDX-License-Identifier: Apache-2.0
# Gives a machine's service VM the Debian of build/service/, a disk and a network card for it, and a second
# disk with what this run brings: the command, and kernels for further VMs.

import glob
import os
import shutil
import subprocess
import tempfile

from .steps import HostError

MEMORY = 1024  # MiB
ROOT = "root=LABEL=mullion-root"
CONTROLLERS = {"ahci": "ide-hd,drive={0},bus=ide.{1}", "nvme": "nvme,drive={0},serial={0}"}
RUN_DISK = "files.img"
RUN_DISK_SIZE = "256M"  # what is empty in it takes no room


def give_debian(machine, controller="ahci", memory=MEMORY):
    """Makes the first VM, the service VM, the Debian of build/service/."""
    host = machine.vms[0]
    host.kernel, host.initrd, host.memory = "vmlinuz-service", "initrd-service.img", memory
    host.words = f"{ROOT} {host.words}".strip()
    machine.kernels = {**machine.kernels, host.kernel: "service/vmlinuz"}
    machine.more = {**machine.more, host.initrd: "service/initrd.img"}
    machine.extra = [*machine.extra, *devices(machine, controller)]


def give_network(machine):
    """All VMs on one network; those beside the service VM with addresses, and stock programs for it."""
    machine.more = {**machine.more, "net.img": "guests/net.img"}
    for number, vm in enumerate(machine.vms):
        vm.settings = "; ".join(filter(None, ["network lan", vm.settings]))
        if number > 0:
            vm.initrd = "net.img"
            vm.words = f"mullion.ip=10.77.0.{10 + number} {vm.words}".strip()


def devices(machine, controller):
    """QEMU's words. What a run writes on a disk is gone with it: the files stay as they are."""
    words = []
    for number, (name, file) in enumerate([("root", machine.path("service/disk.img")),
                                           ("files", machine.run_path(RUN_DISK))]):
        file = file.replace(",", ",,")
        words += ["-drive", f"id={name},file={file},if=none,format=raw,snapshot=on",
                  "-device", CONTROLLERS[controller].format(name, number)]
    return [*words, "-netdev", "user,id=outside", "-device", "e1000e,netdev=outside,romfile="]


def run_files(build):
    """{path below /var/lib/mullion: file} of what a run brings, as far as it exists."""
    found = {"sbin/mullion": os.path.join(build, "mullion"),
             "vmlinuz": os.path.join(build, "guests/vmlinuz-6.1"),
             "initrd.img": os.path.join(build, "guests/initrd.img"),
             "net.img": os.path.join(build, "guests/net.img"),
             "completion/mullion": "cli/mullion.bash"}
    found.update({f"man/{os.path.basename(page)}": page for page in glob.glob("docs/*.[1-8]")})
    return {inside: file for inside, file in found.items() if os.path.exists(file)}


def write_run_disk(machine, files):
    """Writes the second disk; FILES are {path: file}."""
    target = machine.run_path(RUN_DISK)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.exists(target):
        os.remove(target)  # mke2fs keeps a file's old contents where it writes nothing
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as room:
        for inside, file in files.items():
            path = os.path.join(room, inside)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(file, path)
        command = ["mke2fs", "-q", "-t", "ext4", "-m", "0", "-E", "root_owner=0:0", "-L",
                   "mullion-run", "-d", room, target, RUN_DISK_SIZE]
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        os.chmod(room, 0o755)
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, env={**os.environ, "PATH": path})
    if done.returncode != 0:
        raise HostError(f"mke2fs made no {target}: {done.stdout.strip()}")
    return "written", os.stat(target).st_blocks * 512
