# SPDX-License-Identifier: Apache-2.0
# docs/CONTROLS-COST.md: what each event costs under each policy, a workload under three, a change.

import os

from tables import exits_text, number, table

PARTS = ("controls", "watched", "changes")
POLICIES = ("count", "log", "deny")
NAMES = {"dr-write": "dr, write", "dr-read": "dr, read", "lgdt": "descriptor-tables, LGDT",
         "lidt": "descriptor-tables, LIDT", "lldt": "descriptor-tables, LLDT",
         "ltr": "descriptor-tables, LTR", "port-in": "port, read", "port-out": "port, write",
         "msr-read": "msr, read", "msr-write": "msr, write", "exception-0": "exception 0 (#DE)",
         "exception-3": "exception 3 (INT3)", "exception-6": "exception 6 (#UD)",
         "exception-11": "exception 11 (#NP)", "exception-12": "exception 12 (#SS)",
         "exception-13": "exception 13 (#GP)", "exception-14": "exception 14 (#PF)"}
SETTINGS = {"quiet": "nothing", "rdtsc": "`rdtsc count`",
            "traced": "all instructions and exceptions `log`"}
CHANGES = {("quiet", "rdtsc"): "`rdtsc count`", ("rdtsc", "quiet"): "`rdtsc pass`",
           ("quiet", "traced"): "all instructions and exceptions `log`"}


def event_lines(events):
    """Exits and instructions of each event."""
    rows = []
    for event, policies in events.items():
        row = [NAMES.get(event, event)]
        for policy in POLICIES:
            cost = policies.get(policy)
            row += [f"{cost['exits']:g}", number(round(cost["instructions"]))] if cost else ["–", "–"]
        rows.append(row)
    return ["## Each event", "",
            "A guest without a system does each of these a hundred times, in one VM for each policy. "
            "Exits of one event, and what the core then executes in the monitor, from behind VMRUN to "
            "the next VMRUN, that one included. Under `pass` there is no exit and nothing is executed. "
            "Where there are two exits, the guest executes the instruction itself between them, by a "
            "single step. `stop` costs what `log` does, and pauses the VM.", "",
            *table(["event", *(f"{policy}: {what}" for policy in POLICIES
                               for what in ("exits", "instructions"))], rows),
            "An exception and PAUSE cannot be denied. The emulator reports RDTSCP as "
            "RDTSC, INT3 not at all, and not where the next instruction begins: RDTSC and RDTSCP take "
            "one exit where the processor says it. LLDT and LTR do not exist in real mode, which a guest "
            "to whom these registers and tables are denied from its start on does not leave.", ""]


def work_lines(rows):
    """The fixed workload."""
    quiet = rows["quiet"]["mean_undisturbed"]
    lines = []
    for name, row in rows.items():
        lines.append([SETTINGS[name], number(row["rounds"]), number(row["undisturbed"]),
                      f"{row['mean_undisturbed']:,.0f} ({row['mean_undisturbed'] / quiet:.3f})",
                      number(row["least"]),
                      f"{row['total'] / row['rounds']:,.2f}",
                      number(round(row["outside"] / row["rounds"])), exits_text(row["exits"], 5)])
    return ["## A workload", "",
            "The fixed workload of [BENCH](BENCH.md) (computing, system calls, a pipe, page faults, a "
            "file, fork and wait) in three VMs with a stock kernel, beside each other in one machine. "
            "Instructions of the guest are the mean of the rounds without an interrupt, in brackets the "
            "ratio to the VM in which nothing is watched; one that leaves the guest and is executed by a "
            "step counts twice. Exits and the monitor's instructions are those of all rounds, on the "
            "core that works.", "",
            *table(["watched", "rounds", "without interrupt", "guest instructions a round",
                    "the least of these", "exits a round", "monitor's instructions a round", "exits by reason"], lines)]


def span(values):
    """`7`, or `7 to 9`."""
    least, most = min(values), max(values)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def change_lines(changes):
    """From the request to the last core."""
    rows = []
    for pair, text in CHANGES.items():
        found = [change for change in changes if (change["from"], change["to"]) == pair]
        def each(key):
            return [value for change in found for value in change[key]]
        rows.append([text, number(len(found)), span([change["asked"] for change in found]),
                     span([change["called"] for change in found]), span(each("exits")),
                     span(each("taken")), span(each("whole")),
                     span([change["called"] + max(change["taken"]) for change in found])])
    return ["## A change", "",
            "A service VM changes the controls of a VM of four cores, of which one computes and three are "
            "idle. The core that asks has one exit with the request: it reads and checks the text, and "
            "calls the VM's cores. A change of `port` or `msr` lines is not among these: it also writes "
            "the bitmap of 65,536 ports or of 24,576 MSRs anew. Each of the VM's cores leaves its guest "
            "once, by an NMI. The cores take the change at the same time, so the way from the request "
            "to the last core is what the asking core executes until it has called the last one, and "
            "the slowest core's share. Instructions from an exit on; no time is measured. A core whose "
            "HLT is watched waits in the monitor: for the way back from there no count would mean "
            "anything.", "",
            *table(["change", "times", "asking core: until the text is checked",
                    "until the last core is called", "exits of each core",
                    "a core: until it has the change", "until its guest goes on",
                    "request to last core"], rows)]


def write(results, docs):
    """docs/CONTROLS-COST.md."""
    systems, versions = results["systems"], results["versions"]
    agreed = [pair for name in PARTS for pair in systems[name].get("agreement", {}).values()]
    lines = ["# What it costs to watch a VM", "",
             "Written by `make bench`; do not edit. Exits and instructions are counted from outside, by "
             "a plugin of the emulator (`bench/plugin/`). No time is measured, and nothing here is a "
             "speed.", "",
             f"Commit {results['commit']}; {versions['kernel']} in {versions['qemu']} "
             f"(`-accel tcg,thread=multi -cpu {versions['cpu']}`; for the events with MONITOR).", "",
             *event_lines(systems["controls"]["events"]), *work_lines(systems["watched"]["rows"]),
             *change_lines(systems["changes"]["changes"]),
             "## Two counts of the same exits", "",
             f"The monitor's own counts of the first two parts and the plugin's: "
             f"{sum(a for a, _ in agreed):,} and {sum(b for _, b in agreed):,} exits, "
             f"{sum(a != b for a, b in agreed)} reasons of which they differ."]
    with open(os.path.join(docs, "CONTROLS-COST.md"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
