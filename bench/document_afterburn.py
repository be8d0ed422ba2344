# SPDX-License-Identifier: Apache-2.0
# docs/AFTERBURN-BENCH.md and its chart, written from the figures of one run.

import os

import afterburn_kinds as kinds
import chart
from tables import number, table

NAME = "AFTERBURN-BENCH.md"
TITLES = {"kvm": "KVM", "mullion": "Mullion"}
FEWER, TAX = 95, 0.2   # per cent
MAPPING, COMMON = 400, 1200  # lines


def tax_percent(tax):
    """How many per cent of a round are NOPs that the plain kernel has not."""
    return 100 * (tax["prepared"]["nops"] - tax["plain"]["nops"]) / tax["plain"]["mean_undisturbed"]


def sums(found):
    """Before and after: of all kinds, without the console, of the covered kinds."""
    ways = [found[way]["all"] for way in ("alone", "wedge")]
    return {"all": [sum(way.values()) for way in ways],
            "without the console": [sum(way.values()) - way.get(kinds.CONSOLE, 0) for way in ways],
            "what a wedge covers": [kinds.covered(way) for way in ways],
            "the same without the console": [kinds.covered(way) - way.get(kinds.CONSOLE, 0)
                                             for way in ways]}


def judge(results):
    """[(target, what was seen, whether it is met)]."""
    found = []
    for name, ground in results["grounds"].items():
        before, after = sums(ground)["what a wedge covers"]
        less = kinds.fewer(before, after)
        found.append((f"{TITLES[name]}: at least {FEWER} % fewer exits of the kinds that a wedge covers",
                      f"{less:.1f} % ({before:,} and {after:,})", less >= FEWER))
        lines, exits = ground["wedge"]["lines"], ground["wedge"]["text"]
        found.append((f"{TITLES[name]}: at most one exit for a line of the console, to user space",
                      f"{exits:,} with text for {lines:,} lines", exits <= lines))
    if results["tax"]:
        percent = tax_percent(results["tax"])
        found.append((f"the padding costs at most {TAX} % of a fixed workload's instructions",
                      f"{percent:.3f} %", percent <= TAX))
    for name, lines in results["code"].items():
        most = COMMON if name == "common" else MAPPING
        if lines:
            found.append((f"at most {most:,} lines: " + ("the common part" if name == "common" else
                                                         f"the mapping for {name}"),
                          f"{lines:,}", lines <= most))
    return found


def exit_lines(results):
    """Exits by kind, with and without a wedge."""
    grounds = results["grounds"]
    names = sorted({name for ground in grounds.values() for way in ("alone", "wedge")
                    for name in ground[way]["all"]},
                   key=lambda name: (name not in kinds.COVERED, -sum(
                       ground["alone"]["all"].get(name, 0) for ground in grounds.values())))
    header = ["exits"]
    for ground in grounds:
        header += [TITLES[ground], f"{TITLES[ground]}, wedge", "fewer"]

    def row(text, pairs):
        cells = [text]
        for before, after in pairs:
            cells += [number(before), number(after), f"{kinds.fewer(before, after):.1f} %" if before else "–"]
        return cells

    rows = [row(f"**{name}**" if name in kinds.COVERED else name,
                [[ground[way]["all"].get(name, 0) for way in ("alone", "wedge")]
                 for ground in grounds.values()]) for name in names]
    rows += [row(f"*{text}*", [sums(ground)[text] for ground in grounds.values()])
             for text in ("what a wedge covers", "the same without the console", "without the console",
                          "all")]
    return ["## Exits of boot and workload", "",
            "From the first instruction of what the hypervisor starts, the kernel's or the wedge's own, "
            "to the end of the workload. In bold what a wedge covers. An IPI to one core has to leave "
            "the guest with or without a wedge, so IPIs are not among these; neither is CPUID in "
            "programs, which nobody prepared: the C library executes it whenever one starts.", "",
            *table(header, rows), *part_lines(grounds)]


def part_lines(grounds):
    """The sums of boot and of workload."""
    rows = [[f"{TITLES[name]}, {text}"] + [number(value) for way in ("alone", "wedge") for value in
                                           (kinds.covered(ground[way][part]),
                                            sum(ground[way][part].values()))]
            for name, ground in grounds.items()
            for part, text in (("boot", "to user space"), ("work", "workload"))]
    return table(["", "covered", "all", "covered, wedge", "all, wedge"], rows)


def tax_lines(tax):
    """What the padding costs."""
    rows = [[kernel, number(figures["rounds"]), number(figures["undisturbed"]),
             f"{figures['least']:,.0f}", f"{figures['mean_undisturbed']:,.1f}", f"{figures['nops']:,.1f}"]
            for kernel, figures in tax.items()]
    return ["## What the padding costs", "",
            "Instructions of a fixed workload (computing, system calls, a pipe, page faults, a file, fork "
            "and wait) on the emulated machine itself: the kernel built with the preludes, not patched, "
            "and the same source and configuration built without. Rounds in which an interrupt was taken "
            "are left out. From boot to boot the same kernel's mean differs by one or two per cent, as memory lies "
            "otherwise; so the padding itself is counted: all NOPs that were executed, in the one and in "
            "the other.", "",
            *table(["kernel", "rounds", "without interrupt", "least", "mean", "NOPs of these"], rows),
            f"The padding is {tax_percent(tax):.3f} % of the instructions.", ""]


def size_lines(sizes):
    """Bytes by section."""
    rows = [[name, *(number(sizes[kernel][name]) for kernel in ("plain", "prepared")),
             f"{100 * (sizes['prepared'][name] / sizes['plain'][name] - 1):+.2f} %"]
            for name in sizes["plain"]]
    return ["## Size", "",
            "Bytes. The text has 64 KiB and the data 48 KiB of room for a wedge. The records are in a "
            "section that is not loaded.", "", *table(["", "plain", "prepared", ""], rows)]


def write(results, found, docs):
    """docs/AFTERBURN-BENCH.md."""
    lines = ["# Pre-virtualization: counts", "",
             "Written by `make bench-afterburn`, which runs all of this; do not edit. Everything is "
             "counted by a plugin of the emulator (`bench/plugin/`), from outside. No time is measured, "
             "and nothing here is a speed.", "",
             f"The same prepared Linux 6.1 and initramfs, {results['cpus']} CPUs and {results['memory']} "
             f"MiB, in {results['qemu']} (`-accel tcg,thread=multi -cpu {results['cpu']}`), with all of its "
             "console's lines. On KVM, stock Debian's kernel is the host and QEMU the VMM: machine "
             "`q35` without PIT, HPET, SATA, SMBus and keyboard controller, with a virtio console that the "
             "wedge uses. On Mullion the VM has no device but its console.", ""]
    seen = {ground[way]["sum"] for ground in results["grounds"].values() for way in ("alone", "wedge")}
    lines += [f"* SHA-256 of the kernel: {', '.join(sorted(seen))}"]
    lines += [f"* the wedge's line on {TITLES[name]}: `{ground['wedge']['said']}`"
              for name, ground in results["grounds"].items()]
    lines += ["", "![Exits of boot and workload](afterburn-exits.svg)", "", "## Targets", "",
              *table(["target", "seen", ""], [[text, seen, "met" if met else "**missed**"]
                                              for text, seen, met in found])]
    lines += exit_lines(results)
    if results["tax"]:
        lines += tax_lines(results["tax"])
    lines += size_lines(results["sizes"])
    lines += ["## Code", "", *table(["part", "lines of code"],
                                    [[name, number(count)] for name, count in results["code"].items()]),
              "Lines of the guest changed by hand: 0; `afterburn build-linux` builds Debian's source as it "
              "is.", "", "## Sites", "", "```", results["report"], "```"]
    with open(os.path.join(docs, NAME), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    write_chart(results["grounds"], docs)


def write_chart(grounds, docs):
    """Covered kinds, IPIs, and all."""
    series = [f"{TITLES[name]}{text}" for name in grounds for text in ("", ", wedge")]

    def values(pick):
        found = [pick(ground[way]["all"]) for ground in grounds.values() for way in ("alone", "wedge")]
        return {name: (value, number(value)) for name, value in zip(series, found)}

    groups = [(name, values(lambda way, name=name: way.get(name, 0)))
              for name in (*kinds.COVERED, kinds.IPIS)
              if any(ground["alone"]["all"].get(name) for ground in grounds.values())]
    groups.append(("all", values(lambda way: sum(way.values()))))
    with open(os.path.join(docs, "afterburn-exits.svg"), "w", encoding="utf-8") as out:
        out.write(chart.bars("Exits of boot and workload, four CPUs",
                             "Logarithmic; counted in an emulator.", groups, series, logarithmic=True))
