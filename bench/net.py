# SPDX-License-Identifier: Apache-2.0
# Two VMs that talk by TCP: a stream, and requests of one byte. Each has a core of its own.

from mullion_host.machine import Machine, Vm
from systems import Mullion

IMAGE = "bench/net.img"  # the initramfs of VMs with a network
MEMORY = 256  # MiB of each VM
SERVER, CLIENT = "10.77.0.2", "10.77.0.3"


def pair(settings=""):
    """The VM that measures, and the one that answers it."""
    def vm(name, role, address):
        return Vm(name, 1, MEMORY, role, initrd="net.img", settings=settings,
                  words=f"nokaslr mullion.ip={address} mullion.peer={SERVER}")

    return [vm("client", "netbench", CLIENT), vm("server", "netserve", SERVER)]


class MullionNet(Mullion):
    """Two VMs of Mullion on one network."""

    name, title = "mullion-net", "Mullion, two VMs"
    what = "two VMs on one `network`: the monitor's switch is all that is between them."

    def __init__(self, *options):
        super().__init__(*options)
        self.vms = pair("network lan")
        self.vm = self.vms[0]
        self.machine = Machine(self.build, self.vms, directory=self.directory,
                               initrd=IMAGE, more={"net.img": IMAGE})

    def memory(self):
        return 2 * MEMORY + 256
