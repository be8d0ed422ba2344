# SPDX-License-Identifier: Apache-2.0
# The wedge `count` on the bare machine: a prepared kernel in which every sensitive instruction is counted.

import os
import re

import grounds

BUILD = os.path.abspath(os.environ.get("MULLION_BUILD", "build"))
LINE = re.compile(r"wedge: .* on count: (\d+) sites, (\d+) patched .* (\d+) of (\d+) bytes of the text")
KIND = re.compile(r"count: kind (\S+) (\d+) (\d+)$")
SITE = re.compile(r"count: site (\S+) (\d+) (ffffffff[0-9a-f]{8})$")
MODULES = re.compile(r"count: modules' sites, patched (\d+) (\d+)$")
# What no boot of Linux with a UART and four cores does without.
BUSY = ("cli", "pushf", "in", "out", "cpuid", "rdmsr", "wrmsr", "rdtsc", "cr-write", "segment", "iret")


def matches(pattern, lines):
    return [match for match in map(pattern.search, lines) if match]


def test_bare(record_property):
    """To user space and through the workload with a stub at each site; then the counts, by kind and site."""
    ground = grounds.Bare(BUILD, "count", grounds.wedged(BUILD, "count"))
    result = grounds.run(ground)
    lines = [line.rstrip() for line in grounds.lines_of(result)]
    steps = grounds.passed(result)
    (patched,), (modules,) = matches(LINE, lines), matches(MODULES, lines)
    kinds = {match[1]: (int(match[2]), int(match[3])) for match in matches(KIND, lines)}
    sites = [(match[1], int(match[2])) for match in matches(SITE, lines)]
    assert set(BUSY) <= set(kinds) and all(count >= sites > 0 for count, sites in kinds.values()), kinds
    assert kinds["out"][0] > sum(map(len, lines[:lines.index("count: executed")])) / 2  # the console's bytes
    assert len(sites) == 20 and sites == sorted(sites, key=lambda site: -site[1])
    assert all(count <= kinds[kind][0] for kind, count in sites)
    assert int(modules[2]) > 0 and int(modules[1]) >= int(modules[2])
    assert int(patched[2]) > 0.6 * int(patched[1]) and int(patched[3]) <= int(patched[4])
    executed = ", ".join(f"{kind} {count}" for kind, (count, _) in kinds.items())
    record_property("seen", f"{patched[2]} of {patched[1]} sites, {modules[2]} of modules; executed: {executed}; "
                            f"steps {steps}")
