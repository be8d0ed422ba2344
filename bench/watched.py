# SPDX-License-Identifier: Apache-2.0
# The fixed workload in three stock VMs beside each other: nothing watched, RDTSC counted, all logged.

import counts
import figures
from controls import core_of, watch
from mullion_host.machine import Machine, Vm
from systems import CORES, Mullion

MEMORY = 256  # MiB of each VM
ROUNDS = 1000
EXCEPTIONS = [vector for vector in range(32) if vector != 2]
SETTINGS = {"quiet": "", "rdtsc": "rdtsc count", "traced": watch("log", exceptions=EXCEPTIONS)}
LOAD = counts.LOADS + 2 * counts.LOAD_NAMES.index("work")


class Watched(Mullion):
    """Three VMs of two cores; one of them does the work."""

    name, title = "watched", "Watched"
    what = "three VMs beside each other, two cores each: nothing watched, RDTSC counted, all logged."
    done = "the machine switches off"

    def __init__(self, *options):
        super().__init__(*options)
        self.vms = [Vm(name, CORES, MEMORY, "bench", settings=settings,
                       words="nokaslr mullion.seconds=1 mullion.loads=work "
                             f"mullion.rounds={ROUNDS}")
                    for name, settings in SETTINGS.items()]
        self.vm = self.vms[0]
        self.machine = Machine(self.build, self.vms, directory=self.directory)

    def patterns(self):
        return {}

    def emulator(self, memory):
        words = super().emulator(memory)
        words[words.index("-smp") + 1] = str(CORES * len(self.vms))
        return words

    def memory(self):
        return MEMORY * len(self.vms) + 256

    def figures(self, result):
        return {"title": self.title, "what": self.what, "command": result.command, "loads": {},
                "rows": {vm.name: work_row(result, vm.name) for vm in self.vms},
                "agreement": figures.agreement(result)}


def work_row(result, name):
    """The rounds of one VM: inside the guest, and what left it."""
    first = core_of(result.log, name, "console")
    cores = range(first, first + CORES)
    works = next(short.cpu for short in result.shorts if short.cpu in cores)
    marks = [next(full for full in result.fulls if full.id == number and full.cpu in cores)
             for number in (LOAD, LOAD + 1)]
    window = counts.between(*(counts.of_cpu(full, works) for full in marks))
    shorts = [short for short in result.shorts if short.cpu == works]
    return {**figures.work_figures(shorts), **figures.window_figures(window)}
