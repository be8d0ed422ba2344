# SPDX-License-Identifier: Apache-2.0
# docs/BENCH.md and its charts, written from the figures of one run.

import os

import chart
import counts
import document_controls
from document_net import net_lines
from tables import exits_text, number, table
from targets import QUIET

NETS = ("mullion-net", "kvm-net")  # two VMs each: a part of their own
APART = (*NETS, *document_controls.PARTS)

LOADS = {"busy": "computing on both cores", "sleep": "a thread on each core wakes 100 times a second",
         "idle": "nothing", "pingpong": "two threads on two cores pass a byte",
         "exec": "fork and exec of a small program, one after the other",
         "cpuid": "10,000 times CPUID", "work": "the fixed workload"}
NAMES = {"busy": "CPU-bound", "sleep": "sleeping", "idle": "idle", "pingpong": "IPI-heavy",
         "exec": "fork/exec", "cpuid": "CPUID", "work": "fixed workload"}
UNITS = {"pingpong": "message", "exec": "exec", "cpuid": "CPUID", "work": "round"}


def boot_lines(systems):
    """(a) and (f)."""
    rows = []
    for system in systems.values():
        boot = system["boot"]
        if not boot:
            continue
        rows.append([system["title"], number(boot["guest"]), number(boot["outside"]),
                     number(boot.get("monitor_start")),
                     number(boot["total"]) if system["exits_known"] else "–",
                     exits_text(boot["exits"]) if system["exits_known"] else "does not apply"])
    return ["## Boot: from the kernel's first instruction to user space", "",
            "Instructions of the kernel, and outside of it (monitor, host kernel and VMM). `Before` "
            "is what Mullion executes from its own entry to its guest's first instruction.", "",
            *table(["system", "guest instructions", "outside", "before", "exits", "by reason"],
                   rows)]


def load_lines(systems):
    """(b)."""
    lines = ["## Exits under load", "",
             "One window for each load, on two cores. *Per second* means exits divided by the "
             "seconds of the guest's own clock; under emulation that is no rate of any real "
             "machine, only the same measure for all. *Per unit* is independent of the clock.", ""]
    rows = []
    for name in counts.LOAD_NAMES[:6]:
        for system in systems.values():
            load = system["loads"].get(name)
            if not load or not system["exits_known"]:
                continue
            unit = UNITS.get(name)
            rows.append([NAMES[name], system["title"], number(load["seconds"]),
                         number(load["total"]), number(load.get("per_second")),
                         f"{load['per_unit']:,.2f} / {unit}" if unit else "–",
                         exits_text(load["exits"], 5)])
    lines += table(["load", "system", "guest's seconds", "exits", "per second", "per unit",
                    "by reason"], rows)
    return lines + cpuid_lines(systems["mullion"]["loads"]["exec"])


def cpuid_lines(load):
    """What it would be worth to let CPUID pass."""
    cpuid = load["exits"].get("cpuid", 0)
    return [f"On Mullion an exec leaves the guest {cpuid / load['units']:.1f} times for CPUID: the C "
            "library of the program that starts looks at its processor. SVM would let CPUID pass "
            f"once the kernel has started; {(load['total'] - cpuid) / load['units']:.2f} exits would "
            "then remain for each exec. Programs would see the machine's features and topology "
            "instead of the VM's, so it is left as it is.", ""]


def cost_lines(systems):
    """(d)."""
    rows = []
    for reason, load in (("icr", "pingpong"), ("cpuid", "cpuid")):
        for system in systems.values():
            cost = system["loads"].get(load, {}).get("cost", {}).get(reason)
            if cost and system["exits_known"]:
                rows.append([reason, system["title"], number(cost["mean"]), number(cost["least"]),
                             number(cost["most"])])
    return ["## Instructions from an exit to the next entry", "",
            "All that the core executes outside of the guest, from behind VMRUN to the next VMRUN, "
            "that one included. Mean of the IPI-heavy load and of the loop of CPUID; least and most are "
            "those of the whole run.", "",
            *table(["reason", "system", "mean", "least", "most"], rows)]


def work_lines(systems):
    """(c)."""
    bare = systems.get("bare", {}).get("work")
    rows = []
    for system in systems.values():
        work = system["work"]
        if work:
            rows.append([system["title"], number(work["rounds"]), number(work["undisturbed"])] + [
                f"{work[key]:,.0f}" + (f" ({work[key] / bare[key]:.5f})" if bare else "")
                for key in ("least", "mean_undisturbed", "mean")])
    return ["## Guest instructions of a fixed workload", "",
            "The same program on the same core: computing, system calls, messages through a pipe, "
            "page faults, reading a file, fork and wait; in brackets the ratio to bare metal. A "
            "round counts everything that the core executes inside the guest meanwhile. In an "
            "emulator timer ticks come by the host's clock, so that the slower system takes more of "
            "them in the same work: rounds in which no interrupt was taken (no more IRETs than page "
            "faults make) tell the work itself, the mean of all rounds has the ticks in it. A REP "
            "instruction counts once or a few times, however much it copies.", "",
            *table(["system", "rounds", "without interrupt", "least of these", "mean of these",
                    "mean of all"], rows)]


def target_lines(found):
    """Met, or not met."""
    rows = [[target["text"], target["seen"], "met" if target["met"] else "**missed**"]
            for target in found]
    return ["## Targets", "", *table(["target", "seen", ""], rows)]


def alone(results):
    """The systems with one guest."""
    return {name: system for name, system in results["systems"].items() if name not in APART}


def write(results, found, docs):
    """docs/BENCH.md."""
    systems = alone(results)
    nets = {name: results["systems"][name] for name in NETS if name in results["systems"]}
    versions = results["versions"]
    lines = ["# Mullion beside bare metal, KVM and Xen: counts", "",
             "Written by `make bench`, which runs all of this; do not edit. Everything is counted by "
             "one instrument, a plugin of the emulator (`bench/plugin/`), from outside. No time is "
             "measured, and nothing here is a speed.", "",
             f"Commit {results['commit']}; {results['seconds']} s for each load; the run took "
             f"{results['duration'] / 60:.0f} minutes. The same kernel ({versions['kernel']}), "
             f"initramfs, {results['cores']} cores and {results['memory']} MiB in {versions['qemu']} "
             f"(`-accel tcg,thread=multi -cpu {versions['cpu']}`).", ""]
    lines += [f"* **{system['title']}**: {system['what']}"
              for system in (systems | nets).values()]
    lines += ["", "![Exits of quiet loads](bench-exits.svg)", "",
              "![Exits for each unit of work](bench-units.svg)", ""]
    lines += target_lines(found) + boot_lines(systems) + load_lines(systems)
    lines += net_lines(nets) + work_lines(systems) + cost_lines(systems)
    ours = systems["mullion"]
    lines += ["## Memory of the monitor", "",
              f"{ours['memory']['monitor_kib']:,} KiB, and {ours['memory']['modules_kib']:,} KiB of "
              "boot modules kept so that the VM can start again.", "",
              "## Two counts of the same exits", "",
              "The monitor counts its exits by reason (key `s` on the log port, or when a VM "
              "stops); the plugin counts them from outside. Over the whole life of the VM:", "",
              *table(["reason", "monitor", "plugin"],
                     [[name, number(a), number(b)] for name, (a, b) in ours["agreement"].items()]),
              "## What did not work, or does not apply", ""]
    lines += [f"* {line}" for line in results["notes"]]
    with open(os.path.join(docs, "BENCH.md"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    write_charts(results, docs)


def write_charts(results, docs):
    """The two charts."""
    systems = alone(results)
    known = {s["title"]: s for s in systems.values() if s["exits_known"]}
    quiet = [(NAMES[name], {title: (s["loads"][name]["total"], number(s["loads"][name]["total"]))
                            for title, s in known.items() if name in s["loads"]})
             for name in QUIET]
    units = [(f"{NAMES[name]}, per {UNITS[name]}",
              {title: (s["loads"][name]["per_unit"], number(s["loads"][name]["per_unit"]))
               for title, s in known.items() if name in s["loads"]})
             for name in ("pingpong", "exec")]
    for name, text in (
            ("exits", chart.bars(f"Exits in {results['seconds']} s of the guest's clock, two cores",
                                 "All reasons, IPIs too; logarithmic; counted in an emulator.",
                                 quiet, list(known), logarithmic=True)),
            ("units", chart.bars("Exits for each unit of work", "All reasons; counted in an emulator.",
                                 units, list(known)))):
        with open(os.path.join(docs, f"bench-{name}.svg"), "w", encoding="utf-8") as out:
            out.write(text)
