# SPDX-License-Identifier: Apache-2.0
# From a running stock kernel into Mullion, without the firmware: kexec-tools as Debian packages it.

import os
import re
import subprocess

from bare import Bare, shell, start_bare
from mullion_host.machine import configuration
from mullion_host.packages import Fetcher
from overlay import read_file
from rig import BOOT_SECONDS, guest, service

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


def test_kexec(build, request, record_property):
    runs = request.node.mullion_runs = []
    vms = [service(cpus=2), guest("vm", cpus=2)]
    machine = Bare(build, vms, memory=MEMORY, directory="boot/test_kexec",
                   image="boot/mullion.elf")
    files, version = kexec_files(build)
    modules = {"mullion.conf": configuration(vms).encode(),
               "vmlinuz": read_file(machine.path("guests/vmlinuz-6.1")),
               "initrd.img": read_file(machine.path("guests/initrd.img"))}
    files |= {name: data for name, data in modules.items()}
    files["mullion.elf"] = read_file(machine.path("boot/mullion.elf"))
    try:
        run = start_bare(machine, files, runs)
        assert not run.log_lines("Mullion")
        words = " ".join(f'--module="/{name} {name}"' for name in modules)
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
