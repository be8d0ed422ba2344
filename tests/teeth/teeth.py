#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make check-teeth`: monitors broken on purpose, each in a copy of the tree; is each one caught by
the test that is named for it, and for the reason that is named? First each of these tests must pass
with the monitor as it is."""

import argparse
import re
import shutil
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import trial
from mutation import MutationError, mutations_read

TREE = Path(__file__).resolve().parents[2]
WIDTH = 120


class Teeth:
    """One run: the copies below the build directory, and what passed and failed so far."""

    def __init__(self, build):
        self.shared = build.resolve()
        self.room = self.shared / "teeth"
        self.unbroken = self.room / "tree" / "unbroken"
        self.passed = self.failed = 0
        self.sound = {}  # {test: whether it passes with the unbroken monitor}

    def log(self, name):
        """Where the output of a step stays."""
        return self.room / (re.sub(r"[^a-z0-9_.-]+", "-", name) + ".log")

    def count(self, good, text):
        """One result, shown at once."""
        self.passed += good
        self.failed += not good
        print(text, flush=True)

    def prepare(self, tests):
        """The unbroken copy, with all that the tests need."""
        self.unbroken.mkdir(parents=True, exist_ok=True)
        trial.tree_sync(TREE, self.unbroken, self.shared)
        return trial.build(self.unbroken, tests, self.log("build"))

    def control(self, test):
        """A test that fails anyway would catch everything: it must pass first."""
        log = self.log("control-" + test.rpartition("/")[2])
        verdict = trial.run(self.unbroken, test, log)
        self.sound[test] = verdict.state == trial.PASSED
        word = "passes" if self.sound[test] else f"FAILED   see {log}:"
        self.count(self.sound[test], f"control  {word}  {test}  ({verdict.seconds:.0f} s)")

    def judge(self, mutation, tree):
        """(caught, why) of a mutation in its own copy."""
        if not self.sound[mutation.test]:
            return False, "its test fails with the unbroken monitor, too"
        try:
            mutation.edited(self.unbroken)
        except MutationError as error:
            return False, str(error)
        trial.tree_clone(self.unbroken, tree, trial.is_unit(mutation.test))
        mutation.apply(tree)
        log = self.log(mutation.name)
        verdict = (trial.build(tree, [mutation.test], log)
                   or trial.run(tree, mutation.test, log))
        if verdict.state == trial.PASSED:
            return False, f"{mutation.test} passes all the same"
        if verdict.state == trial.BROKEN:
            return False, f"{verdict.said.splitlines()[0]}, see {log}"
        match = re.search(mutation.says, verdict.said, re.M)
        if not match:
            return False, f"{mutation.test} fails, but not with {mutation.says!r}, see {log}"
        return True, line_of(verdict.said, match)

    def attempt(self, mutation):
        """One mutation; its copy is kept only if it wasn't caught."""
        start = time.monotonic()
        tree = self.room / "tree" / mutation.name
        caught, why = self.judge(mutation, tree)
        seconds = f"({time.monotonic() - start:.0f} s)"
        if caught:
            shutil.rmtree(tree)
            self.count(True, f"caught   {mutation.name}  by {mutation.test}  {seconds}\n"
                             f"         {mutation.what}: {why[:WIDTH]}")
        else:
            self.count(False, f"MISSED   {mutation.name}  {seconds}\n"
                              f"         {mutation.what}: {why}")


def line_of(text, match):
    """The line of a text in which a match begins."""
    start = text.rfind("\n", 0, match.start()) + 1
    return text[start:].split("\n", 1)[0].strip()


def chosen(mutations, names):
    """Those with these names, or all."""
    known = {mutation.name: mutation for mutation in mutations}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise MutationError(f"no mutation is called {', '.join(unknown)}; there are: "
                            + ", ".join(known))
    return [known[name] for name in names] or mutations


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"), help="the build directory")
    parser.add_argument("--only", default="", help="names of mutations, with commas between them")
    options = parser.parse_args()
    teeth = Teeth(options.build)
    mutations = chosen(mutations_read(Path(__file__).with_name("mutations.toml")),
                       [name for name in options.only.split(",") if name])
    tests = list(dict.fromkeys(mutation.test for mutation in mutations))
    print(f"{len(mutations)} broken monitors, {len(tests)} tests", flush=True)
    broken = teeth.prepare(tests)
    if broken:
        sys.exit(f"check-teeth: the unbroken copy: {broken.said}")
    for test in tests:
        teeth.control(test)
    for mutation in mutations:
        teeth.attempt(mutation)
    print(f"{teeth.passed} passed, {teeth.failed} failed")
    return 1 if teeth.failed else 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that `finally` ends what was started
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        sys.exit(main())
    except MutationError as error:
        sys.exit(f"check-teeth: {error}")
