#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-afterburn`: one prepared kernel, with and without its wedges: exits by kind on KVM and on
Mullion, counted from outside; and what its padding costs where nothing is outside."""

import argparse
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("peers", "../guest", "../tools", "../tests/afterburn"):
    sys.path.insert(1, os.path.join(HERE, folder))

import afterburn_kinds as kinds
import counts
import document_afterburn
import figures
import grounds
import loc
import running
from mullion_host.machine import TCG_CPU
from mullion_host.packages import qemu_version
from mullion_host.steps import HostError

GROUNDS = {"kvm": grounds.Kvm, "mullion": grounds.Mullion}
KERNELS = {"prepared": "linux-6.1", "plain": "linux-6.1-plain"}
CALL = 256  # bytes of a line that a wedge sends at once
TAX_CPUS = 2
TAX_WORDS = "nokaslr quiet mullion.loads=work mullion.rounds={}"
WEDGE = os.path.join(HERE, "..", "afterburn", "wedge")
MAPPINGS = ("kvm", "xen", "mullion", "count")


def options_read():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--docs", default="docs", help="where AFTERBURN-BENCH.md and its chart go")
    parser.add_argument("--rounds", type=int, default=4000, help="of the fixed workload, each kernel")
    parser.add_argument("--again", action="store_true",
                        help="read again what the last run left, of all but the padding's cost")
    parser.add_argument("--parts", default=",".join((*GROUNDS, "tax")), help="those to run")
    return parser.parse_args()


def printed(result):
    """How many lines the wedge and the kernel printed until the first program's, that one too. A line
    of more than a call takes counts as so many."""
    said = [line for line in grounds.lines_of(result) if line.strip()]
    start = next(n for n, line in enumerate(said) if re.search(r"wedge: |Linux version", line))
    end = next(n for n, line in enumerate(said) if "MULLION-REPORT" in line)
    return sum(1 + len(line) // CALL for line in said[start:end + 1])


def exits(build, name, wedge, command):
    """One boot and workload: exits by kind between its marks, and the lines that it printed. COMMAND: that
    of the last run, whose files are read again; None: it runs."""
    kind = GROUNDS[name]
    boot = grounds.wedged(build, kind.wedge) if wedge else grounds.prepared(build)
    run = f"{name}-{'wedge' if wedge else 'alone'}"
    ground = kind(build, run, boot, kind.wedge_words if wedge else "")
    if command:
        result = running.read(ground, command)
    else:
        result = grounds.run(ground)
        grounds.passed(result)
    begin, user, end = (counts.first(result.fulls, number)
                        for number in (counts.KERNEL, counts.USER, counts.DONE))
    found = {part: kinds.by_kind(name, counts.between(*marks).exits)
             for part, marks in (("boot", (begin, user)), ("work", (user, end)), ("all", (begin, end)))}
    text = sum(reason.count for key, reason in counts.between(begin, user).exits.items()
               if kinds.carries_text(name, *key))
    said = next((line for line in grounds.lines_of(result) if "wedge: " in line), "")
    return {**found, "lines": printed(result), "text": text, "sum": boot.sum(),
            "command": result.command, "said": said[said.find("wedge: "):].strip()}


def tax(build, name, rounds):
    """The fixed workload's guest instructions on the emulated machine itself."""
    boot = grounds.prepared(build, name)
    ground = grounds.Bare(build, f"tax-{name}", boot, TAX_WORDS.format(rounds), TAX_CPUS, "bench")
    return figures.work_figures(grounds.run(ground).shorts)


def sizes(build):
    """{kernel: {what: bytes}}. The whole text ends at a border of 2 MiB, so its functions are added up."""
    found = {}
    for kernel, name in KERNELS.items():
        path = os.path.join(build, "afterburn", name, "vmlinux")
        said, symbols = (subprocess.run([*command, path], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout
                         for command in (["size", "-A"], ["nm", "-S"]))
        words = [line.split() for line in symbols.splitlines()]
        found[kernel] = {"all functions": sum(int(word[1], 16) for word in words
                                              if len(word) == 4 and word[2] in "tTW")}
        found[kernel].update((match[1], int(match[2])) for match in
                             re.finditer(r"^\.(init\.text|data) +(\d+)", said, re.MULTILINE))
    return found


def lines_of_code():
    """{mapping, or "common": lines that hold more than blanks and comments}."""
    found = dict.fromkeys(("common", *MAPPINGS), 0)
    for file in sorted(os.listdir(WEDGE)):
        if not file.endswith((".c", ".h", ".S")):
            continue
        name = re.split(r"[._]", file)[0]
        found[name if name in MAPPINGS else "common"] += loc.code_lines(loc.Path(WEDGE, file))
    return found


def report(build):
    """What `afterburn report` says of the kernel, its path left out."""
    path = os.path.join(build, "afterburn", KERNELS["prepared"], "vmlinux")
    said = subprocess.run([os.path.join(build, "afterburn", "afterburn"), "report", path], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    return said.replace(path, "vmlinux").rstrip()


def measure(options):
    """All parts that are wanted, each in results as soon as known."""
    path = os.path.join(options.build, "bench", "afterburn.json")
    results = {"grounds": {}, "tax": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as text:
            results = json.load(text)
    for part in options.parts.split(","):
        start = time.monotonic()
        print(f"{part}: ", end="", flush=True)
        if part == "tax" and options.again:
            pass
        elif part == "tax":
            results["tax"] = {kernel: tax(options.build, name, options.rounds)
                              for kernel, name in KERNELS.items()}
        else:
            last = results["grounds"].get(part, {}) if options.again else {}
            results["grounds"][part] = {
                way: exits(options.build, part, way == "wedge", last.get(way, {}).get("command"))
                for way in ("alone", "wedge")}
        print(f"{time.monotonic() - start:.0f} s", flush=True)
        with open(path, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    return results


def main():
    options = options_read()
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    results = measure(options)
    qemu = qemu_version(os.path.join(options.build, "host", "qemu-system-x86_64"))[1]
    results.update(qemu=f"QEMU {qemu}", cpu=TCG_CPU, cpus=grounds.CPUS, memory=grounds.MEMORY,
                   sizes=sizes(options.build), code=lines_of_code(), report=report(options.build))
    found = document_afterburn.judge(results)
    document_afterburn.write(results, found, options.docs)
    for text, seen, met in found:
        print(("met     " if met else "missed  ") + f"{text}: {seen}")
    print(f"bench-afterburn: {sum(met for _, _, met in found)} of {len(found)} targets met; "
          f"{os.path.join(options.docs, document_afterburn.NAME)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostError as error:
        sys.exit(f"bench-afterburn: {error}")
