# SPDX-License-Identifier: Apache-2.0
# Guests that do all that controls can watch, one for each policy, side by side in one machine.

import re

import counts
import figures
from mullion_host.machine import TCG_CPU, Machine, Vm
from systems import Mullion

CPU = TCG_CPU.replace("-monitor", "+monitor")  # so that there are MONITOR and MWAIT to watch
KERNELS = {"events.elf": "live/events.elf", "locked.elf": "live/locked.elf"}
MEMORY = 64  # MiB of each VM
EVENTS = ("hlt", "pause", "monitor", "mwait", "rdtsc", "rdtscp", "rdpmc", "invlpg", "wbinvd", "cr0",
          "cr3", "cr4", "dr", "descriptor-tables", "xsetbv")
EXCEPTIONS = (0, 3, 6, 11, 12, 13, 14)
PORTS, MSR = "0x70-0x71", "0xc0000103"  # the clock; TSC_AUX
# Without these no guest gets out of the mode in which it begins: a VM of its own is denied them.
NEEDED = ("cr0", "cr3", "cr4", "descriptor-tables")
DID = re.compile(r"EVENT (\S+) done (\d+) faults (\d+) vector (-?\d+) wrong (\d+) seen (\w+)")
POLICIES = {"counted": "count", "logged": "log", "denied": "deny"}
ROUNDS = 100        # of each event, and some more; one before the marks
MARK_EVENTS = 0x20  # as in tests/live/events.c: two for each event
CODES = {"cr0": 0x10, "cr3": 0x13, "cr4": 0x14, "lidt": 0x6a, "lgdt": 0x6b}  # AMD APM 2, C


def watch(policy, events=EVENTS, exceptions=EXCEPTIONS):
    """A block's lines: this policy for all of these that may have it."""
    lines = [f"{name} {policy}" for name in events
             if policy != "deny" or name not in (*NEEDED, "pause")]
    if policy != "deny":
        lines += [f"exception {vector} {policy}" for vector in exceptions]
    return "; ".join(lines)


def watch_all(policy):
    """The same, and two ports and an MSR."""
    allowed = "allow" if policy == "pass" else policy
    return f"{watch(policy)}; port {PORTS} {allowed}; msr {MSR} {allowed}"


def events_vm(name, settings, words=""):
    """A VM with a core that does everything once and again."""
    return Vm(name, 1, MEMORY, "none", kernel="events.elf", words=words, settings=settings)


def locked_vm(name):
    """A VM that may load no control register and no table; one of its two cores tries."""
    return Vm(name, 2, MEMORY, "none", kernel="locked.elf",
              settings="; ".join(f"{event} deny" for event in NEEDED))


def did(lines, name):
    """{event: (done, faults, vector, wrong, seen)} as this VM's console says."""
    found = {}
    for line in lines:
        match = DID.search(line) if line.startswith(f"[{name}] ") else None
        if match:
            found[match[1]] = (*map(int, match.groups()[1:5]), int(match[6], 16))
    return found


def core_of(log, name, reason):
    """The core that has left this VM for REASON."""
    pattern = re.compile(rf"info: exits {name} cpu(\d+) {reason} ")
    return next(int(match[1]) for match in map(pattern.search, log) if match)


def cost(exits, instructions, events):
    """What one event costs."""
    return {"exits": exits / events, "instructions": round(instructions / events, 1)}


def event_costs(result, name):
    """{event: cost} of one VM, from its core's marks; without exits, {}."""
    done, core, found = did(result.log, name), core_of(result.log, name, "console"), {}
    marks = {full.id: counts.of_cpu(full, core) for full in result.fulls if full.cpu == core}
    for number, (event, (times, *_)) in enumerate(done.items()):
        window = counts.between(*(marks[MARK_EVENTS + 2 * number + end] for end in (0, 1)))
        exits = sum(reason.count for reason in window.exits.values())
        if exits:
            found[event] = cost(exits, sum(r.instructions for r in window.exits.values()), times - 1)
    return found


def locked_costs(result):
    """The same of the guest that stays in real mode: it has no marks, and no other such exits."""
    core, found = core_of(result.log, "locked", "cr0"), {}
    for event, code in CODES.items():
        reason = result.fulls[-1].exits[core, code, 0]
        found[event] = cost(reason.count, reason.instructions, reason.count)
    return found


class Controls(Mullion):
    """All events under each policy."""

    name, title, done = "controls", "Controls", "the machine switches off"
    what = "guests without a system, each with a policy for all that controls watch."

    def __init__(self, *options):
        super().__init__(*options)
        self.vms = [events_vm(name, watch_all(policy), f"rounds={ROUNDS}")
                    for name, policy in POLICIES.items()] + [locked_vm("locked")]
        self.vm = self.vms[0]
        self.machine = Machine(self.build, self.vms, directory=self.directory, kernels=KERNELS)

    def patterns(self):
        return {}

    def emulator(self, memory):
        words = super().emulator(memory)
        for option, value in (("-smp", str(sum(vm.cpus for vm in self.vms))), ("-cpu", CPU)):
            words[words.index(option) + 1] = value
        return words

    def memory(self):
        return MEMORY * len(self.vms) + 256

    def figures(self, result):
        events = {}
        for name, policy in POLICIES.items():
            for event, spent in event_costs(result, name).items():
                events.setdefault(event, {})[policy] = spent
        for event, spent in locked_costs(result).items():
            events[event]["deny"] = spent
        order = list(did(result.log, "counted"))
        return {"title": self.title, "what": self.what, "command": result.command, "loads": {},
                "events": {event: events.get(event, {}) for event in order},
                "agreement": figures.agreement(result)}
