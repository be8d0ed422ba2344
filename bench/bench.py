#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the same kernel bare, on Mullion, on KVM and on Xen; what leaves the guest, counted; and
what it costs to watch a VM."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("peers", "../guest", "../tools"):
    sys.path.insert(1, os.path.join(HERE, folder))

import changes
import controls
import document
import document_controls
import kvm
import net
import running
import systems
import targets
import watched
import xen
from mullion_host.machine import TCG_CPU
from mullion_host.packages import Fetcher, qemu_version
from mullion_host.steps import HostError

SYSTEMS = {kind.name: kind for kind in (systems.Bare, systems.Mullion, kvm.Kvm, xen.Xen,
                                       net.MullionNet, kvm.KvmNet, controls.Controls,
                                       watched.Watched, changes.Changes)}
NEEDED = ("bare", "mullion", "kvm")  # without one of these there is no comparison
LIMIT = 240  # seconds of ours beside the loads' own; only hangs take so long
SLOWER = 4   # a guest's second takes up to so many of ours


def options_read():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--docs", default="docs", help="where BENCH.md, its charts and CONTROLS-COST.md go")
    parser.add_argument("--seconds", type=int, default=20, help="of the guest's clock for each load")
    parser.add_argument("--again", action="store_true",
                        help="only write the documents again, from what the last run left")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="those to run")
    return parser.parse_args()


def commit():
    """The commit that is measured, and whether the tree differs from it."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=HERE, text=True, check=True,
                              stdout=subprocess.PIPE).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "..", ":!../docs")
    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


def versions(build):
    """What was run, by version."""
    known = Fetcher(build).manifest()
    kernel = known["vmlinuz-6.1"]
    qemu = qemu_version(os.path.join(build, "host", "qemu-system-x86_64"))[1]
    found = {"kernel": f"{kernel['package']} {kernel['version']}", "qemu": f"QEMU {qemu}",
             "cpu": TCG_CPU, "host": f"{platform.system()} {platform.release()}"}
    found.update({name: f"{known[name]['package']} {known[name]['version']}"
                  for name in (xen.XEN, xen.KERNEL) if name in known})
    return found


def measure(kind, options, notes):
    """One system's figures, or None with a note if it is one that may fail."""
    system = kind(options.build, options.seconds)
    start = time.monotonic()
    print(f"{system.title}: ", end="", flush=True)
    try:
        result = running.run(system, LIMIT + SLOWER * 5 * options.seconds)
    except HostError as error:
        print("failed")
        if kind.name in NEEDED:
            raise
        notes.append(f"{system.title} did not come to its end: {str(error).splitlines()[0]}")
        return None
    found = system.figures(result)
    print(f"{len(result.loads)} loads in {time.monotonic() - start:.0f} s", flush=True)
    notes += system.notes()
    return found


def run_all(options):
    """All systems, one after the other; each one's figures are in results.json as soon as known."""
    start = time.monotonic()
    results = {"commit": commit(), "seconds": options.seconds, "cores": systems.CORES,
               "memory": systems.MEMORY, "systems": {}, "notes": []}
    for name in options.systems.split(","):
        found = measure(SYSTEMS[name], options, results["notes"])
        if found:
            results["systems"][name] = found
        results.update(versions=versions(options.build),
                       duration=round(time.monotonic() - start))
        with open(results_path(options), "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    return results


def read_all(options):
    """The last run's results, their figures made anew from the files that each system left."""
    with open(results_path(options), encoding="utf-8") as text:
        results = json.load(text)
    results["notes"] = []
    for name, found in results["systems"].items():
        system = SYSTEMS[name](options.build, results["seconds"])
        result = running.read(system, found["command"])
        results["systems"][name] = system.figures(result)
        results["notes"] += system.notes()
    with open(results_path(options), "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1)
    return results


def results_path(options):
    """Where the figures are kept."""
    return os.path.join(options.build, "bench", "results.json")


def main():
    options = options_read()
    if options.again:
        results = read_all(options)
    else:
        results = run_all(options)
    found = targets.judge(results["systems"])
    if "mullion" in results["systems"]:
        document.write(results, found, options.docs)
    if all(name in results["systems"] for name in document_controls.PARTS):
        document_controls.write(results, options.docs)
    for target in found:
        print(("met     " if target["met"] else "missed  ") + f"{target['text']}: {target['seen']}")
    print(f"bench: {len(results['systems'])} systems, {sum(t['met'] for t in found)} of "
          f"{len(found)} targets met, {results['duration']} s; {results_path(options)}, "
          f"documents in {options.docs}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("\nbench: interrupted; QEMU has ended")
