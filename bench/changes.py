# SPDX-License-Identifier: Apache-2.0
# Changes of a running VM's controls: what each core executes, from the request to the last core.

import gzip
import os
import re
import stat
import statistics

import counts
from controls import watch
from mkinitrd import Newc
from mknet import modules
from mullion_host.machine import Machine, Vm, configuration
from systems import Mullion, symbol_code
from watched import EXCEPTIONS

CORES = 4            # of the VM that is changed
MEMORY = 256         # MiB of each VM
IMAGE = "bench/net.img"
MODULES = ("virtio_pci", "vmw_vsock_virtio_transport")
SETTINGS = {"quiet": "", "rdtsc": "rdtsc count", "traced": watch("log", exceptions=EXCEPTIONS)}
PLACES = {4: b"live_apply", 5: b"cpu_kick", 6: b"vcpu_take_controls"}
APPLY, KICK, TAKE = PLACES
NMI = 0x61
CHANGE = re.compile(r"CHANGE (\S+) generation (\d+) cores (\d+) taken (\d+) ticks (\d+)")


def read(path):
    """A file's bytes."""
    with open(path, "rb") as data:
        return data.read()


class Changes(Mullion):
    """A service VM that changes another VM's controls, again and again."""

    name, title = "changes", "Changes"
    what = f"a service VM changes the controls of a VM of {CORES} cores, one of which computes."

    def __init__(self, *options):
        super().__init__(*options)
        self.texts = {}
        vms = [Vm("host", 1, MEMORY, "none", service=True, initrd="host.img", words="nokaslr"),
               Vm("web", CORES, MEMORY, "busy", words="nokaslr")]
        for name, settings in SETTINGS.items():
            vms[1].settings = settings
            self.texts[name] = configuration(vms)
        vms[1].settings = ""
        self.vms, self.vm = vms, vms[0]
        self.machine = Machine(self.build, vms, directory=self.directory,
                               more={"host.img": os.path.join(self.directory, "host.img")})

    def write_configuration(self):
        super().write_configuration()
        order = modules(self.build, "6.1", MODULES)
        archive = Newc()
        for name, text in self.texts.items():
            archive.add(f"etc/{name}", stat.S_IFREG | 0o644, text.encode())
        names = "".join(os.path.basename(path) + "\n" for path in order)
        archive.add("etc/modules", stat.S_IFREG | 0o644, names.encode())
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "changes.sh")
        archive.add("etc/rc", stat.S_IFREG | 0o755, read(script))
        with open(self.run_path("host.img"), "wb") as out:  # the later file of a name holds
            out.write(read(self.path(IMAGE)) + gzip.compress(archive.finish()))

    def patterns(self):
        image = read(self.path("mullion64.elf"))
        return {**{counts.KERNEL: super().patterns()[counts.KERNEL]},
                **{number: symbol_code(image, name) for number, name in PLACES.items()}}

    def emulator(self, memory):
        words = super().emulator(memory)
        words[words.index("-smp") + 1] = str(1 + CORES)
        return words

    def memory(self):
        return MEMORY * len(self.vms) + 256

    def figures(self, result):
        return {"title": self.title, "what": self.what, "command": result.command, "loads": {},
                "changes": changes(result)}


def outside(full, cpu):
    """What this core has executed in an exit that is not over, and before it entered a guest at all."""
    return full.processors[cpu][1] - sum(reason.instructions for (core, _, _), reason
                                         in full.exits.items() if core == cpu)


def left(full, cpu, codes=None):
    """How often this core has left its guest, and what it then executed."""
    reasons = [reason for (core, code, _), reason in full.exits.items()
               if core == cpu and (codes is None or code in codes)]
    return sum(r.count for r in reasons), sum(r.instructions for r in reasons)


def befores(fulls, starts):
    """{core: instructions before it entered a guest}. One block finds the service VM's core in its
    guest; of the others most are there when a change begins."""
    known = {cpu: statistics.mode(outside(full, cpu) for full in starts)
             for cpu in starts[0].processors}
    asks = starts[0].cpu
    known[asks] = next(outside(full, asks) for full in fulls
                       if full.id == counts.KERNEL and full.inside and full.cpu == asks)
    return known


def one_change(blocks, end, before):
    """A change's counts: BLOCKS from its own on, END the first that is no more of it."""
    asked, asks = blocks[0], blocks[0].cpu
    exit_of = left(asked, asks)[0]
    kicks = [full for full in blocks if full.id == KICK and full.cpu == asks
             and left(full, asks)[0] == exit_of][:CORES]
    taken = {full.cpu: outside(full, full.cpu) - before[full.cpu]
             for full in blocks if full.id == TAKE}
    exits = [[new - old for new, old in zip(left(end, cpu, (NMI,)), left(asked, cpu, (NMI,)))]
             for cpu in taken]
    return {"asked": outside(asked, asks) - before[asks],
            "called": outside(kicks[-1], asks) - before[asks],
            "taken": list(taken.values()), "exits": [count for count, _ in exits],
            "whole": [instructions for _, instructions in exits]}


def changes(result):
    """[{from, to, asked, called, taken, exits, whole}]: the first request changes nothing."""
    fulls = result.fulls
    at = [number for number, full in enumerate(fulls) if full.id == APPLY]
    names = [match[1] for match in map(CHANGE.search, result.console) if match]
    assert len(at) == len(names), f"{len(at)} requests are counted, {len(names)} told"
    before = befores(fulls, [fulls[number] for number in at])
    return [{"from": names[n - 1], "to": names[n],
             **one_change(fulls[at[n]:(at[n + 1:] or [len(fulls)])[0]],
                          fulls[at[n + 1] if n + 1 < len(at) else -1], before)}
            for n in range(1, len(at))]
