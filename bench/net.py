# SPDX-License-Identifier: Apache-2.0
# Two VMs that talk by TCP: a stream, and requests of one byte. Each has a core of its own.

from mullion_host.machine import Machine, Vm
from systems import Mullion

LOADS = ("stream", "requests")
MEMORY = 256  # MiB of each VM
SERVER, CLIENT = "10.77.0.2", "10.77.0.3"


def pair(settings=""):
    """The VM that measures, and the one that answers it."""
    def vm(name, role, address, words=""):
        return Vm(name, 1, MEMORY, role, initrd="net.img", settings=settings,
                  words=f"nokaslr mullion.ip={address} mullion.peer={SERVER}")

    return [vm("client", "netbench", CLIENT), vm("server", "netserve", SERVER)]


class MullionNet(Mullion):
    """Two VMs of Mullion on one network."""

    name, title = "mullion-net", "Mullion"
    what = "two VMs on one `network`, between them nothing but the switch in the monitor."

    def __init__(self, *options):
        super().__init__(*options)
        self.vms = pair("network lan")
        self.vm = self.vms[0]
        self.machine = Machine(self.build, self.vms, directory=self.directory,
                               initrd="guests/net.img")
        self.machine.more = {"net.img": "guests/net.img"}

    def memory(self):
        return 2 * MEMORY + 256
