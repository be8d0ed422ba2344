# SPDX-License-Identifier: Apache-2.0
# Guests that do all that controls can watch, one for each policy, side by side in one machine.

import re

from mullion_host.machine import TCG_CPU, Vm

CPU = TCG_CPU.replace("-monitor", "+monitor")  # so that there are MONITOR and MWAIT to watch
KERNELS = {"events.elf": "live/events.elf", "locked.elf": "live/locked.elf"}
MEMORY = 64  # MiB of each VM
EVENTS = ("hlt", "pause", "monitor", "mwait", "rdtsc", "rdtscp", "rdpmc", "invlpg", "wbinvd", "cr0",
          "cr3", "cr4", "dr", "descriptor-tables", "xsetbv")
EXCEPTIONS = (0, 3, 6, 11, 12, 13, 14)
PORTS, MSR = "0x70-0x71", "0xc0000103"  # the clock; TSC_AUX
# Without these no guest gets out of the mode in which it begins: a VM of its own is denied them.
NEEDED = ("cr0", "cr3", "cr4", "descriptor-tables")
DONE = re.compile(r"EVENT (\S+) done (\d+) faults (\d+) vector (-?\d+) wrong (\d+) seen (\w+)")


def watch(policy):
    """A block's lines: this policy for all that may have it."""
    events = [name for name in EVENTS
              if policy != "deny" or name not in (*NEEDED, "pause")]
    lines = [f"{name} {policy}" for name in events]
    if policy != "deny":
        lines += [f"exception {vector} {policy}" for vector in EXCEPTIONS]
    allowed = "allow" if policy == "pass" else policy
    return "; ".join([*lines, f"port {PORTS} {allowed}", f"msr {MSR} {allowed}"])


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
        match = DONE.search(line) if line.startswith(f"[{name}] ") else None
        if match:
            found[match[1]] = (*map(int, match.groups()[1:5]), int(match[6], 16))
    return found
