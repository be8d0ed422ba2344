#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unit tests' programs one after the other and shows what they say; what each has shown is
kept: run.py --results FILE PROGRAM..."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

RESULT = re.compile(r"^\[ +(OK|FAILED) +\] (\w+)$")
FIGURES = re.compile(r"\d+ \w+")  # a line with which a test says how much it has tried


def run_program(program):
    """Of one program: did all its tests pass, how many, and its own lines that have figures."""
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    print(done.stdout, end="", flush=True)
    lines = done.stdout.splitlines()
    good = [match[2] for line in lines if (match := RESULT.match(line)) and match[1] == "OK"]
    said = [line for line in lines if FIGURES.match(line)]
    if done.returncode != 0 or not good:
        print(f"FAILED: {program}", flush=True)
        return {"passed": False, "tests": len(good), "seen": []}
    return {"passed": True, "tests": len(good), "seen": said}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    results = {Path(program).name: run_program(program) for program in options.programs}
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0 if all(result["passed"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
