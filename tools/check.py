#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make check`: runs the parts one after the other, shows their time, adds up what they report.
What they report is kept in build/results/run.json, from which `make check-all` writes EVIDENCE."""
import concurrent.futures
import datetime
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

BUILD = Path(os.environ.get("BUILD", "build"))
MAKE = os.environ.get("MAKE", "make").split()[0]
# A part and the pattern of the lines in which its runner says what passed and failed.
CMOCKA = (re.compile(r"\[  PASSED  \] (\d+) test"), re.compile(r"\[  FAILED  \] (\d+) test"))
PYTEST = (re.compile(r"(?:^|[ =])(\d+) passed"), re.compile(r"(?:^|[ =])(\d+) (?:failed|error)"))
UNITTEST = (re.compile(r"^Ran (\d+) test"), re.compile(r"failures=(\d+)|errors=(\d+)"))
SAID = re.compile(r"[a-z-]+: \d+ \w+")  # "lint: 68 files clean with clang"
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "600")  # each target, in check-all
# What else stands behind a part's name is for make.
FIRST = "all guests attack live-guests afterburn"
PARTS = {
    "check": [FIRST, "lint", "check-portable", "check-unit", "check-boot", "check-vmx",
              "check-attack", "check-fuzz", "check-fabric", "check-live", "check-afterburn"],
    "check-all": [FIRST, "lint", "check-portable", "check-unit", "check-boot", "check-vmx",
                  "check-attack", f"check-fuzz SECONDS={FUZZ_SECONDS}", "check-fabric",
                  "check-live LIVE_CHANGES=10000", "check-afterburn", "check-attack-long",
                  "check-fabric-long", "check-vmx-long", "check-afterburn-long", "check-teeth",
                  "evidence"],
}
# They use one core and no clock: one after the other, beside the parts that stand in front of them.
# What both sides need is built by the first part: two makes at once would build it twice.
BESIDE = ("check-vmx", "check-fuzz")
EVIDENCE = "docs/EVIDENCE.md"  # written at the end, and so no change of the tree that was tested


def commit() -> str:
    """The commit that is tested, "+changes" behind it if the tree has any."""
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return done.stdout.strip()
    changes = git("status", "--porcelain", "--", ".", f":!{EVIDENCE}")
    return (git("rev-parse", "--short=12", "HEAD") or "none") + ("+changes" if changes else "")


def forget_results() -> Path:
    """The folder of the results, without those of an earlier run."""
    folder = BUILD / "results"
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.xml"), *folder.glob("*.json")):
        old.unlink()
    return folder


def run_part(part: str, show: bool = True) -> dict[str, int | str]:
    """Run `make PART`, with SHOW its output as it comes, else when it is done; the tests passed and
    failed in it, and what a part without tests says of itself."""
    start = time.monotonic()
    said = ""
    lines = [f"== make {part}\n"]
    print(lines[0] if show else "", end="", flush=True)
    passed = failed = 0
    process = subprocess.Popen([MAKE, "--no-print-directory", f"BUILD={BUILD}", *part.split()],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        print(line if show else "", end="", flush=True)
        said = line.strip() if SAID.match(line) else said
        for good, bad in (CMOCKA, PYTEST, UNITTEST):
            passed += sum(int(n) for n in good.findall(line))
            failed += sum(int(next(g for g in m.groups() if g)) for m in bad.finditer(line))
    status = process.wait()
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed == 0:
        passed = 1  # a part without tests of its own, such as a build
    print("" if show else "".join(lines),
          f"== {part}: {passed} passed, {failed} failed, {time.monotonic() - start:.0f} s\n",
          sep="", end="", flush=True)
    return {"passed": passed, "failed": failed, "said": said}


def main() -> int:
    parts = PARTS[sys.argv[-1]]
    if "--list" in sys.argv:
        print(*(part.split()[0] for part in parts))
        return 0
    results = forget_results() / "run.json"
    run = {"commit": commit(), "date": datetime.date.today().isoformat(), "parts": {}}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        beside = {}
        for part in parts:
            name = part.split()[0]
            run["parts"][name] = beside[name].result() if name in beside else run_part(part)
            if name == "check-unit":  # whose terminals do not like company
                beside = {other.split()[0]: pool.submit(run_part, other, False)
                          for other in parts if other.split()[0] in BESIDE}
            results.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    passed = sum(part["passed"] for part in run["parts"].values())
    failed = sum(part["failed"] for part in run["parts"].values())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
