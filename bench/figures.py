# SPDX-License-Identifier: Apache-2.0
# From one run's marks to its figures: plain dictionaries that go into results.json.

import re
import statistics

import counts
import reasons
from mullion_host import report

MEMORY = re.compile(r"monitor memory (\d+) KiB beside (\d+) KiB of modules")
# The monitor's names for what the plugin names otherwise.
SAME = {"port": "port", "pci": "port", "virtio": "port", "console": "console",
        "memory": "nested page fault", "ioapic": "nested page fault", "kick": "nmi",
        "log-key": "nmi", "cr0": "control register", "cr3": "control register",
        "cr4": "control register", "dr": "debug register", "step": "exception"}


def window_figures(window):
    """A window's instructions and its exits by reason, each with what the monitor executed."""
    named = reasons.by_name(window.exits)
    return {"guest": window.guest, "outside": window.host,
            "exits": {name: values[0] for name, values in named.items()},
            "total": sum(values[0] for values in named.values()),
            "cost": {name: {"mean": round(instructions / count, 1), "least": least, "most": most}
                     for name, (count, instructions, least, most) in named.items()}}


def load_figures(result, name, number):
    """One load: its window, and what the guest says of it."""
    load = result.loads[name]
    figures = window_figures(counts.between(
        counts.first(result.fulls, counts.LOADS + 2 * number),
        counts.first(result.fulls, counts.LOADS + 2 * number + 1)))
    figures.update(seconds=load.seconds, units=load.units, ipis=load.ipis, ticks=load.ticks)
    if load.seconds >= 1:
        figures["per_second"] = round(figures["total"] / load.seconds, 2)
    if load.units:
        figures["per_unit"] = round(figures["total"] / load.units, 3)
    return figures


def work_figures(shorts):
    """The rounds of the fixed workload: guest instructions of those without an interrupt, and of all.

    Each round has the same page faults; one with more IRETs than the usual was interrupted."""
    rounds = counts.rounds(shorts)
    if not rounds:
        return None
    usual = sorted(returns for _, returns, _ in rounds)[len(rounds) // 10]
    undisturbed = [guest for guest, returns, _ in rounds if returns <= usual]
    return {"rounds": len(rounds), "undisturbed": len(undisturbed),
            "mean_undisturbed": round(statistics.mean(undisturbed), 1),
            "least": min(undisturbed), "mean": round(statistics.mean(g for g, _, _ in rounds), 1),
            "nops": round(statistics.mean(n for _, returns, n in rounds if returns <= usual), 1)}


def boot_figures(result):
    """From the kernel's first 64-bit instruction to user space, and what came before it."""
    if not all(any(full.id == number and full.inside for full in result.fulls)
               for number in (counts.KERNEL, counts.USER)):
        return None
    begin = counts.first(result.fulls, counts.KERNEL)
    figures = window_figures(counts.between(begin, counts.first(result.fulls, counts.USER)))
    before = [full for full in result.fulls if full.id == counts.MONITOR]
    if before:
        figures["monitor_start"] = counts.between(before[0], begin).host
    return figures


def agreement(result):
    """{reason: [monitor's count, plugin's count]} over the whole life of the VMs on Mullion.

    The write to a port by which a VM switches itself off is left out: the monitor tells its
    counts before that exit is over."""
    names = [vm.name for vm in result.system.vms]
    inside, outside = {}, {"port": -len(names)}
    own = [report.MONITOR.sub("", line) for line in result.log if report.MONITOR.match(line)]
    for line in own:
        words = line.split()
        if words[0] == "exits" and words[1] in names:
            name = SAME.get(words[3], words[3])
            inside[name] = inside.get(name, 0) + int(words[4])
    for (_, code, detail), reason in result.fulls[-1].exits.items():
        name = reasons.name(code, detail)
        outside[name] = outside.get(name, 0) + reason.count
    return {name: [inside.get(name, 0), outside.get(name, 0)]
            for name in sorted(inside.keys() | outside.keys())}


def memory_figures(result):
    """KiB of the monitor itself, and of the modules that it keeps for restarts."""
    match = next(filter(None, map(MEMORY.search, result.log)))
    return {"monitor_kib": int(match[1]), "modules_kib": int(match[2])}


def system_figures(result):
    """Everything of one system's run."""
    figures = {"title": result.system.title, "what": result.system.what,
               "command": result.command, "exits_known": result.system.kind != "bare",
               "boot": boot_figures(result), "work": work_figures(result.shorts),
               "loads": {name: load_figures(result, name, number)
                         for number, name in enumerate(counts.LOAD_NAMES)
                         if name in result.loads}}
    if result.system.name.startswith("mullion"):
        figures.update(memory=memory_figures(result), agreement=agreement(result))
    return figures
