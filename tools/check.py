#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make check`: runs the parts one after the other, shows their time, adds up what they report."""
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
PARTS = {
    "check": ["all", "lint", "check-portable", "check-unit", "check-boot", "check-attack"],
    "check-all": ["all", "lint", "check-portable", "check-unit", "check-boot", "check-attack"],
}


def run_part(part: str) -> tuple[int, int]:
    """Run `make PART`, show its output as it comes; the tests passed and failed in it."""
    start = time.monotonic()
    print(f"== make {part}", flush=True)
    passed = failed = 0
    process = subprocess.Popen([MAKE, "--no-print-directory", f"BUILD={BUILD}", part],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        for good, bad in (CMOCKA, PYTEST, UNITTEST):
            passed += sum(int(n) for n in good.findall(line))
            failed += sum(int(next(g for g in m.groups() if g)) for m in bad.finditer(line))
    status = process.wait()
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed == 0:
        passed = 1  # a part without tests of its own, such as a build
    print(f"== {part}: {passed} passed, {failed} failed, {time.monotonic() - start:.0f} s",
          flush=True)
    return passed, failed


def main() -> int:
    totals = [run_part(part) for part in PARTS[sys.argv[1]]]
    passed = sum(p for p, _ in totals)
    failed = sum(f for _, f in totals)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
