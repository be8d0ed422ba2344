# SPDX-License-Identifier: Apache-2.0
# What the machine says, made sense of: each init's report line, and the monitor's statistics.

import re
from dataclasses import dataclass, field

REPORT = re.compile(r"MULLION-REPORT name=(\S*) nonce=(\S*) kernel=(\S+) cpus=(\d+) "
                    r"memtotal_kb=(\d+) numa_nodes=(\d+)\s*$")
# The monitor's own lines begin with a time. A VM's begin with [name], so no VM can forge them.
MONITOR = re.compile(r"^\[ *\d+\.\d+\] (?:cpu\d+ )?(?:\w+: )?")
# After such a line of the monitor's nothing more comes.
STOPPED = re.compile(MONITOR.pattern + r".*the machine (?:halts|stops)")
VM = re.compile(r"vm (?P<name>\S+) state (?P<state>\S+) cpus (?P<cpus>.*?) node (?P<node>\S+) "
                r"memory (?P<memory>.*?)\s*$")

ICR = "icr"          # inter-processor interrupts: counted apart, they are the one intercept we keep
LOG_KEY = "log-key"  # exits that our own key `s` causes: left out of E, they are the measurement's


@dataclass(frozen=True)
class Report:
    """One VM's init has spoken."""

    name: str
    nonce: str
    kernel: str
    cpus: int
    memory_kb: int
    nodes: int


@dataclass
class Statistics:
    """One statistics block: vms[name] = {state, cpus, node, memory}, exits[vm, cpu, reason] = n."""

    vms: dict = field(default_factory=dict)
    exits: dict = field(default_factory=dict)


def find_report(lines, prefix=""):
    """The last report in a console's lines; prefix is `[name] ` on the log port."""
    for line in reversed(lines):
        if line.startswith(prefix):
            match = REPORT.search(line)
            if match:
                name, nonce, kernel, *numbers = match.groups()
                return Report(name, nonce, kernel, *map(int, numbers))
    return None


def find_statistics(lines):
    """The last whole statistics block in the log, or None."""
    own = [MONITOR.sub("", line) for line in lines if MONITOR.match(line)]
    if "stats end" not in own:
        return None
    end = len(own) - 1 - own[::-1].index("stats end")
    if "stats begin" not in own[:end]:
        return None
    begin = end - 1 - own[:end][::-1].index("stats begin")
    found = Statistics()
    for line in own[begin + 1:end]:
        words = line.split()
        vm = VM.match(line)
        if vm:
            found.vms[vm["name"]] = vm.groupdict()
        elif words[:1] == ["exits"] and len(words) == 5:
            _, name, cpu, reason, count = words
            key = name, cpu, reason
            found.exits[key] = found.exits.get(key, 0) + int(count)
    return found


def exits_between(before, after):
    """{(vm, cpu, reason): exits} of a window, the non-zero ones, without the window's own key.

    A count that went back (its VM started again) counts from zero: nothing is lost."""
    difference = {}
    for key in before.exits.keys() | after.exits.keys():
        first, last = before.exits.get(key, 0), after.exits.get(key, 0)
        count = last - first if last >= first else last
        if count and key[2] != LOG_KEY:
            difference[key] = count
    return difference


def steady_state(difference):
    """(E, I): the exits of all reasons but the ICR, and those of the ICR."""
    icr = sum(n for (_, _, reason), n in difference.items() if reason == ICR)
    return sum(difference.values()) - icr, icr


def table(statistics, difference, order):
    """The lines of the table: VM, cores, node, memory, state, exits since its prompt."""
    rows = [("VM", "CORES", "NODE", "MEMORY", "STATE", "EXITS SINCE ITS PROMPT")]
    for name in order:
        vm = statistics.vms.get(name, {})
        mine = {key: n for key, n in difference.items() if key[0] == name}
        exits, icr = steady_state(mine)
        rows.append((name, vm.get("cpus", "?"), vm.get("node", "?"), vm.get("memory", "?"),
                     vm.get("state", "?"), f"{exits}" + (f" (and {icr} IPIs)" if icr else "")))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]
