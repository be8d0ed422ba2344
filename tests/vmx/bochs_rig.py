# SPDX-License-Identifier: Apache-2.0
# A machine in Bochs: a disc with GRUB, Mullion and its modules; COM1 and COM2 as sockets; the Session of
# the tests in QEMU, so that a test may run in either.

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass

from mullion_host.logport import LogPort, Port
from mullion_host.machine import SPARE_MEMORY, TCG_CPU, Machine
from mullion_host.session import Session
from mullion_host.steps import HostError

VTX_CPU, SVM_CPU = "corei7_skylake_x", "ryzen"  # of the icelake model stock kernels hang, bare, too
FEATURES = {SVM_CPU: ", add_features=x2apic"}  # Mullion needs it; Bochs' model is without
ERRORS = {SVM_CPU: "ignore"}  # each exit for a port is an error in Bochs' log
IPS = 10_000_000  # the ticks of an emulated second: TSC, APIC timer and the rest go by it
START_SECONDS = 60  # no measure of anything

CONFIGURATION = """\
config_interface: textconfig
display_library: nogui
cpu: model={cpu}, count={cores}:1:1, ips={ips}, quantum=16, reset_on_triple_fault=0{features}
memory: guest={memory}, host={memory}
romimage: file="{bochs}/BIOS-bochs-latest", options=fastboot
vgaromimage: file="{bochs}/vgabios-stdvga.bin"
vga: extension=vbe, update_freq=1, realtime=0
pci: enabled=1, chipset=i440fx
clock: sync=none, time0=utc
ata0-master: type=cdrom, path="{disc}", status=inserted
boot: cdrom
floppy_bootsig_check: disabled=1
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{console}
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{log}
log: "{said}"
panic: action=fatal
error: action={errors}
info: action=ignore
debug: action=ignore
"""


def make_disc(files, folder):
    """An ISO with GRUB for a BIOS, of these {name: file}; its path. mullion.elf is what is started."""
    root = os.path.join(folder, "disc")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(os.path.join(root, "boot", "grub"))
    lines = ["set timeout=0", "menuentry Mullion {", "  multiboot2 /boot/mullion.elf"]
    for name, file in files.items():
        shutil.copyfile(file, os.path.join(root, "boot", name))
        if name != "mullion.elf":
            lines.append(f"  module2 --nounzip /boot/{name} {name}")
    with open(os.path.join(root, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as out:
        out.write("\n".join([*lines, "}", ""]))
    disc = os.path.join(folder, "mullion.iso")
    made = subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", disc, root],
                          check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        raise HostError(f"grub-mkrescue made no {disc}:\n{made.stdout}")
    shutil.rmtree(root)
    return disc


@dataclass
class BochsMachine(Machine):
    """The same machine as Bochs has it: another processor, another loader."""

    def __post_init__(self):
        if self.cpu == TCG_CPU:
            self.cpu = VTX_CPU
        for vm in self.vms:  # Bochs' CPUID calls cores with one thread each siblings
            vm.settings = "; ".join(filter(None, [vm.settings, "allow-smt-sharing"]))

    def prepare(self, console, log):
        """Writes disc and bochsrc for serial ports that connect to these TCP ports; the command."""
        folder = self.run_path("")
        files = {name: file for file, name in self.modules()}
        disc = make_disc({"mullion.elf": self.path(self.image), **files}, folder)
        memory = self.memory or sum(vm.memory for vm in self.vms) + SPARE_MEMORY
        text = CONFIGURATION.format(
            cpu=self.cpu, features=FEATURES.get(self.cpu, ""), ips=IPS,
            cores=self.cores or sum(vm.cpus for vm in self.vms), memory=memory, bochs=self.path("bochs"), disc=disc, console=console, log=log,
            said=self.run_path("bochs"), errors=ERRORS.get(self.cpu, "report"))
        with open(self.run_path("bochsrc"), "w", encoding="ascii") as out:
            out.write(text)
        return [self.path("bochs/bochs"), "-q", "-f", self.run_path("bochsrc")]


class BochsSession(Session):
    """`with BochsSession(machine) as session:` is a running machine."""

    def __enter__(self):
        machine = self.machine
        machine.write_configuration()
        self.console = Port(machine.run_path("console"))
        self.log = LogPort(machine.run_path("log"))
        doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        command = machine.prepare(*(door.getsockname()[1] for door in doors))
        if shutil.which("setpriv"):  # Bochs shall end with us even if we are killed
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(machine.run_path("qemu"), "wb") as words:
            self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words,
                                         stderr=words, start_new_session=True)
        try:
            for port, door in zip((self.console, self.log), doors):
                port.near.close()
                port.near = self._answered(door)
                port.start()
        except BaseException:
            self.end()
            raise
        finally:
            for door in doors:
                door.close()
        return self

    def _answered(self, door):
        """The serial port that Bochs connects here, as soon as it has started."""
        door.settimeout(0.2)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.running():
            try:
                port, _ = door.accept()
            except TimeoutError:
                continue
            port.settimeout(None)
            return port
        raise HostError(f"Bochs does not start ({self.state()}); it says why in "
                        f"{self.machine.run_path('qemu')}")
