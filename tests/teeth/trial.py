# SPDX-License-Identifier: Apache-2.0
# Copies of the tree, what is built in them, and one named test run in one copy.

import filecmp
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("Makefile", "bench", "cli", "guest", "include", "monitor", "tests", "tools")
SHARED = ("guests", "host", "kernels")  # fetched or the same for all: never copied
EMULATED, UNIT = ("obj", "attack", "live"), ("unit",)
PYTEST = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
BUILD_SECONDS = 300
UNIT_SECONDS = 60
TEST_SECONDS = 420  # more than a test's own limits: a hang is named by the test, not by this
PASSED, FAILED, BROKEN = "passed", "failed", "broken"


@dataclass(frozen=True)
class Verdict:
    """What became of a test: PASSED, FAILED, or BROKEN if it says nothing; and what it said."""

    state: str
    said: str
    seconds: float = 0.0


def is_unit(test):
    """Whether FILE::TEST is one of a C program's."""
    return test.partition("::")[0].endswith(".c")


def run_limited(command, tree, log, seconds):
    """(exit status or None after SECONDS, output) of a command and all that it started."""
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MULLION_ELF")}
    environment["MULLION_BUILD"] = str(tree / "build")
    environment["MULLION_KERNEL"] = "build/guests/vmlinuz-6.1"
    with open(log, "w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(command, cwd=tree, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        return status, output.read()


def files_of(root):
    """The source files below ROOT, as paths from there."""
    found = set()
    for name in SOURCES:
        if (root / name).is_file():
            found.add(Path(name))
        for folder, folders, files in os.walk(root / name):
            folders[:] = [f for f in folders if f != "__pycache__"]
            found |= {(Path(folder) / file).relative_to(root) for file in files}
    return found


def tree_sync(source, tree, shared):
    """TREE holds SOURCE's sources as they are now; what did not change keeps its date, for make."""
    wanted = files_of(source)
    for path in files_of(tree) - wanted:
        (tree / path).unlink()
    for path in wanted:
        if not (tree / path).exists() or not filecmp.cmp(source / path, tree / path, shallow=False):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, tree / path)
    (tree / "build").mkdir(exist_ok=True)
    for name in SHARED:
        link = tree / "build" / name
        link.unlink(missing_ok=True)
        link.symlink_to(shared / name)


def tree_clone(unbroken, tree, unit):
    """A copy with its objects and their dates, so that make compiles what the edit touches."""
    shutil.rmtree(tree, ignore_errors=True)
    left_out = set(EMULATED if unit else UNIT) | {"boot", "run", "run-attack", "__pycache__"}
    shutil.copytree(unbroken, tree, symlinks=True,
                    ignore=lambda folder, names: left_out & set(names)
                    if Path(folder) == unbroken / "build" else {"__pycache__"} & set(names))


def build(tree, tests, log):
    """None, or the Verdict that says why the copy does not build."""
    targets = set()
    for test in tests:
        if is_unit(test):
            targets.add("build/unit/" + Path(test.partition("::")[0]).stem)
        else:
            targets |= {"build/mullion.elf", "attack", "live-guests"}
    command = [os.environ.get("MAKE", "make"), "-s", f"-j{os.cpu_count()}", "BUILD=build",
               *sorted(targets)]
    status, said = run_limited(command, tree, log, BUILD_SECONDS)
    return None if status == 0 else Verdict(BROKEN, "it does not build\n" + said)


def run_unit(tree, test, log):
    """One test of a program of unit tests; the others' results do not matter."""
    file, _, name = test.partition("::")
    status, said = run_limited([f"build/unit/{Path(file).stem}"], tree, log, UNIT_SECONDS)
    began = re.search(rf"^\[ RUN      \] {re.escape(name)}$", said, re.M)
    ended = re.search(rf"^\[ +(OK|FAILED) +\] {re.escape(name)}$", said, re.M)
    if status is None or not began:
        return Verdict(BROKEN, f"{test} did not run, or not to its end\n" + said)
    if status == 0:
        return Verdict(PASSED, said)
    own = said[began.end():ended.start() if ended else None]  # without an end: it died there
    return Verdict(PASSED if ended and ended[1] == "OK" else FAILED, own)


def run_pytest(tree, test, log):
    """One test of pytest's. What it says: its error lines and the statements that failed."""
    command = [*PYTEST, test]
    if test.startswith("tests/boot/"):
        command += ["--build", "build"]
    status, said = run_limited(command, tree, log, TEST_SECONDS)
    if status not in (0, 1):
        return Verdict(BROKEN, f"{test} did not run, or not to its end\n" + said)
    lines = [line[1:].strip() for line in said.splitlines() if re.match("[E>] ", line)]
    return Verdict(FAILED if status else PASSED, "\n".join(lines))


def run(tree, test, log):
    """The Verdict of a test in a copy, built before."""
    start = time.monotonic()
    verdict = (run_unit if is_unit(test) else run_pytest)(tree, test, log)
    return Verdict(verdict.state, verdict.said, time.monotonic() - start)
