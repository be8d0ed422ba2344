# SPDX-License-Identifier: Apache-2.0
# The instrument of `make bench`: its counts of exits and the monitor's own agree for every reason,
# and what it says the monitor executes for an exit is what the monitor's path is meant to cost.

import os
import subprocess
import sys
import types

from rig import BOOT_SECONDS, guest

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))

import counts
import figures
import targets

CPUIDS = 10000  # as in guest/bench_loads.c
LIVES = 400     # instructions of a monitor that may be in the middle of an exit at a mark


def build_plugin(build):
    """The shared object of bench/plugin."""
    subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={os.path.abspath(build)}",
                    os.path.join(os.path.abspath(build), "bench", "count.so")], check=True)
    return os.path.join(os.path.abspath(build), "bench", "count.so")


def test_windows(boot, build, record_property):
    vm = guest("one", "bench", cpus=2, words="mullion.seconds=3 mullion.loads=pingpong,cpuid")
    out = os.path.join(os.path.abspath(build), "boot", "windows.counts")
    run = boot([vm], extra=["-plugin", f"{build_plugin(build)},kind=svm,out={out}"])
    run.log_line("the machine switches off", seconds=BOOT_SECONDS)
    assert run.exit_status() == 0
    fulls, _ = counts.read(out)
    result = types.SimpleNamespace(fulls=fulls, log=run.log.lines,
                                   system=types.SimpleNamespace(vms=[vm]))
    agreed = figures.agreement(result)
    assert agreed["icr"][0] > 0 and agreed["cpuid"][0] > CPUIDS, agreed
    assert all(inside == outside for inside, outside in agreed.values()), agreed

    windows = {}
    for name in ("pingpong", "cpuid"):
        number = counts.LOADS + 2 * counts.LOAD_NAMES.index(name)
        windows[name] = figures.window_figures(counts.between(counts.first(fulls, number),
                                                              counts.first(fulls, number + 1)))
    assert windows["cpuid"]["exits"]["cpuid"] == CPUIDS
    for name, window in windows.items():
        told = sum(window["exits"][reason] * cost["mean"]
                   for reason, cost in window["cost"].items())
        assert abs(told - window["outside"]) <= LIVES, f"{name}: {told}, {window['outside']}"
    icr = windows["pingpong"]["cost"]["icr"]
    assert 0 < icr["least"] <= icr["mean"] <= targets.ICR_INSTRUCTIONS, icr
    total = sum(inside for inside, _ in agreed.values())
    record_property("seen", f"{total:,} exits counted by both without a difference; "
                            f"{icr['mean']:.0f} instructions for an IPI, "
                            f"{windows['cpuid']['cost']['cpuid']['mean']:.0f} for CPUID")
