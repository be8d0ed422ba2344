#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs fuzz targets, two at a time: run.py --build DIR --seconds N TARGET... Inputs that reach new
code are kept in DIR/fuzz/corpus, so that the next run begins there; one that breaks a target in
DIR/fuzz/found."""

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LARGEST = {"config": 8192, "kernel": 32768, "acpi": 16384, "multiboot": 4096,
           "devices": 2048, "sockets": 1024, "memory": 1024}  # bytes of an input
LAST_LINES = 40
DONE = re.compile(r"^#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
FOUND = re.compile(r"Test unit written to (\S+)")


def run_target(build, target, seconds):
    """(True, what was covered), or (False, what went wrong and the input that shows it)."""
    fuzz = build / "fuzz"
    corpus, found = fuzz / "corpus" / target, fuzz / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    done = subprocess.run(
        [fuzz / target, corpus, fuzz / "seeds" / target, f"-dict={fuzz}/seeds/{target}.dict",
         f"-max_total_time={seconds}", f"-max_len={LARGEST[target]}", "-timeout=20",
         "-rss_limit_mb=2048", f"-artifact_prefix={found}/{target}-", "-verbosity=1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False, timeout=seconds + 300)
    (fuzz / f"{target}.log").write_text(done.stdout, encoding="utf-8")
    covered = DONE.search(done.stdout)
    if done.returncode == 0 and covered:
        runs, edges, features, inputs = map(int, covered.groups())
        return True, (f"{runs:,} executions in {seconds} s, {edges:,} edges, {features:,} "
                      f"features, {inputs:,} inputs kept")
    kept = FOUND.search(done.stdout)
    last = "\n" + "\n".join(done.stdout.splitlines()[-LAST_LINES:])
    again = f"{kept[1]}; to see it again: {fuzz / target} {kept[1]}" if kept else "none was kept"
    return False, f"{last}\nthe input: {again}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    results = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        work = [(target, pool.submit(run_target, options.build, target, options.seconds))
                for target in options.targets]
        for target, job in work:
            good, seen = job.result()
            results[target] = {"passed": good, "seen": [seen] if good else []}
            print(f"fuzz {target}: {seen if good else f'FAILED: {seen}'}", flush=True)
    (options.build / "results").mkdir(exist_ok=True)
    (options.build / "results/fuzz.json").write_text(json.dumps(results, indent=2) + "\n",
                                                     encoding="utf-8")
    failed = sum(not result["passed"] for result in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
