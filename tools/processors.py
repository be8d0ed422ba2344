#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/PROCESSORS.md: what the last run of the tests has seen on SVM, and what on VT-x."""
import argparse
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from mullion_host import results

HEAD = """\
# Which processor has been seen to do what

Written by `tools/processors.py` from the results of `make check-all`: **SVM** is AMD's in QEMU, **VT-x** Intel's in
Bochs. *Seen* is a test that passed there; *-* one that has not been run there.

## Controls

Each is done so many times by a guest under `pass`, `count`, `log` and `deny`, and the exits are compared
(`tests/live/test_events.py`, `tests/vmx/test_events_vtx.py`).

| control | SVM | VT-x |
|---|---|---|
"""
EVENTS = ("tests/live/test_events.py", "tests/vmx/test_events_vtx.py")
OTHERS = (  # what the guest of both does not do
    ("`software-interrupts`", "seen (`tests/live`)", "refused: such a processor does not report them"),
    ("`cr0`, `cr4` with bits", "seen (`tests/live`)", "-"),
    ("`cpuid` by leaf, `invd`", "seen (`tests/live`)", "-"),
    ("`pause-filter`", "QEMU has none", "-"),
    ("`tsc-offset`", "seen (`tests/live`)", "-"),
)
ATTACKS = """
## Attacks

The same sources for both (`tests/attack`, `make check-attack` and `make check-vmx`).

| test | SVM | VT-x |
|---|---|---|
"""


def verdict(outcomes, name):
    """What became of the tests that NAME means."""
    ran = [outcome for test, outcome in outcomes.items() if results.named_by(name, test)]
    if not ran:
        return "-"
    return "seen" if all(outcome.how == "passed" for outcome in ran) else "**failed**"


def controls(root, outcomes):
    """A row for each event of the guest."""
    source = (root / "tests/live/events_list.c").read_text(encoding="utf-8")
    seen = [verdict(outcomes, file) for file in EVENTS]
    for name in re.findall(r'^ +\{"([\w-]+)", \w+\},$', source, re.MULTILINE):
        yield f"`{name}`", *seen
    yield from OTHERS


def attacks(outcomes):
    """A row for each test of tests/attack that ran on either."""
    names = {test.removeprefix(results.BOCHS) for test in outcomes}
    for name in sorted(name for name in names if name.startswith("tests/attack/")):
        shown = name.removeprefix("tests/attack/")
        yield f"`{shown}`", verdict(outcomes, name), verdict(outcomes, results.BOCHS + name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("."))
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    outcomes = results.read(options.root, options.build / "results")
    if not outcomes:
        sys.exit("processors: there are no results; run make check-all")

    def rows(found):
        return "".join(f"| {' | '.join(row)} |\n" for row in found)

    options.output.write_text(HEAD + rows(controls(options.root, outcomes)) + ATTACKS +
                              rows(attacks(outcomes)), encoding="utf-8")


if __name__ == "__main__":
    main()
