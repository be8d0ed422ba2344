#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/EVIDENCE.md: the claims of tests/claims/*.toml beside what the last run of the tests
has shown of them. Fails if a claim was not shown, or names a test that does not exist."""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from mullion_host import machine, packages, results

INTRO = """\
# Evidence

What is claimed, the test in the tree that proves it, and what was seen. A claim without a row is
not made in the README. This file is written by `make check-all`, from `tests/claims/*.toml` and the
results of that run.

Real hardware: none.
"""
ORDER = ("unit", "fuzz", "cli", "boot", "attack", "teeth", "bench")  # others come behind


class Part:
    """The claims of one file, and the heading of their table."""

    def __init__(self, path):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        self.name = path.stem
        self.title = content.get("title", self.name.capitalize())
        self.command = content.get("command", f"make check-{self.name}")
        self.machine = content.get("machine", True)  # an emulated one
        self.claims = content["claim"]


def read_parts(folder):
    """All claims, part by part."""
    parts = [Part(path) for path in sorted(folder.glob("*.toml"))]
    return sorted(parts, key=lambda part: (ORDER.index(part.name) if part.name in ORDER
                                           else len(ORDER), part.name))


def describe_emulator(build):
    """What QEMU says of itself, and the guests' kernels as they were fetched."""
    version = packages.qemu_version(str(build / "host/qemu-system-x86_64"))
    manifest = json.loads((build / "guests/manifest.json").read_text(encoding="utf-8"))
    kernels = [f"{entry['package']} {entry['version']}" for name, entry in sorted(manifest.items())
               if name.startswith("vmlinuz")]
    emulator = f"QEMU {version[1]}, TCG, `-cpu {machine.TCG_CPU}`" if version else "unknown"
    return f"Emulator: {emulator}. Guests: {', '.join(kernels)}, as packaged."


def show_claim(claim, outcomes):
    """(what was seen of a claim, whether that is good)"""
    missing, failed, seen, count = [], [], [], 0
    for name in claim["tests"]:
        ran = {test: outcome for test, outcome in outcomes.items() if results.named_by(name, test)}
        if not ran or any(outcome.how == "skipped" for outcome in ran.values()):
            missing.append(name)
        failed += [test for test, outcome in ran.items() if outcome.how == "failed"]
        for outcome in ran.values():
            seen += [figure for figure in outcome.seen if figure not in seen]
            count += outcome.count
    if failed:
        return f"**failed**: {', '.join(failed)}", False
    if missing:
        return f"**did not run**: {', '.join(missing)}", False
    tests = "passed" if count == 1 else f"passed, all {count}"
    return "; ".join([tests, *seen]), True


def cell(text):
    """TEXT as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(part, run, outcomes, emulator):
    """(lines, number of claims not shown) of a part."""
    where = f" {emulator}" if part.machine else ""
    lines = [f"\n## {part.title}: `{part.command}`\n",
             f"Commit {run['commit']}, {run['date']}.{where}\n",
             "| claim | test | seen |", "|---|---|---|"]
    bad = 0
    for claim in part.claims:
        seen, good = show_claim(claim, outcomes)
        bad += not good
        tests = ", ".join(f"`{name}`" for name in claim["tests"])
        lines.append(f"| {cell(claim['text'])} | {tests} | {cell(seen)} |")
        if not good:
            print(f"evidence: not shown: {claim['text']} ({seen})")
    return lines, bad


def unknown_names(parts, tests):
    """Names of tests in claims that no test has."""
    return [f"tests/claims/{part.name}.toml names {name}, which does not exist"
            for part in parts for claim in part.claims for name in claim["tests"]
            if not results.known(name, tests)]


def check_parts(root):
    """The parts of `make check-all`, by the program that runs them."""
    listed = subprocess.run([sys.executable, root / "tools/check.py", "--list", "check-all"],
                            text=True, stdout=subprocess.PIPE, check=True)
    return listed.stdout.split()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("."))
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    folder = options.build / "results"
    if not (folder / "run.json").exists():
        print("evidence: there are no results; run make check-all", file=sys.stderr)
        return 1
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    parts = read_parts(options.root / "tests/claims")
    tests = results.existing(options.root, check_parts(options.root))
    for error in (errors := unknown_names(parts, tests)):
        print(f"evidence: {error}", file=sys.stderr)
    if errors:
        return 1
    names = [name for part in parts for claim in part.claims for name in claim["tests"]]
    for test in results.unclaimed(tests, names):
        print(f"evidence: warning: no claim names {test}")
    outcomes = results.read(options.root, folder)
    emulator = describe_emulator(options.build) if any(part.machine for part in parts) else ""
    tables = [table(part, run, outcomes, emulator) for part in parts]
    text = INTRO + "\n".join("\n".join(lines) for lines, _ in tables) + "\n"
    options.output.write_text(text, encoding="utf-8")
    bad = sum(count for _, count in tables)
    claims = sum(len(part.claims) for part in parts)
    print(f"evidence: {claims} claims by {len(names)} names of tests, {bad} not shown")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
