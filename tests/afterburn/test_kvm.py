# SPDX-License-Identifier: Apache-2.0
# The same prepared kernel as a KVM guest of a stock Debian kernel, as it is and with its wedge; exits
# are counted by the emulator's plugin, outside of the host.

import os
import re

import grounds
import pytest

import afterburn_kinds as kinds
import counts

BUILD = os.environ.get("BUILD", "build")
PARTED = 1.25  # exits a line; a busy emulator has parted one in five
LESS = 95  # per cent of the exits that a wedge covers


def run(wedge):
    """(Boot, Result, exits by kind of boot and workload)."""
    boot = grounds.wedged(BUILD, "kvm") if wedge else grounds.prepared(BUILD)
    name = "test-kvm-wedge" if wedge else "test-kvm-alone"
    result = grounds.run(grounds.Kvm(BUILD, name, boot, grounds.Kvm.wedge_words if wedge else ""))
    window = counts.between(*(counts.first(result.fulls, mark) for mark in (counts.KERNEL, counts.DONE)))
    return boot, result, kinds.by_kind("kvm", window.exits)


def banner(result):
    """The kernel's first line: by whom it was built, and when."""
    return next(line for line in result.console if line.startswith("Linux version "))


@pytest.fixture(scope="module")
def alone():
    """The kernel as it is."""
    return run(wedge=False)


@pytest.fixture(scope="module")
def wedged():
    """The same file, in a pack."""
    return run(wedge=True)


def test_alone(alone, record_property):
    boot, result, exits = alone
    steps = grounds.passed(result)
    assert not any("wedge: " in line for line in result.console)
    record_property("seen", f"vmlinux {boot.sum()}; {steps}; {sum(exits.values()):,} exits")


def test_wedge(alone, wedged, record_property):
    boot, result, exits = wedged
    steps = grounds.passed(result)
    said = next(line for line in result.console if "wedge: " in line)
    patched = int(re.search(r" on kvm: \d+ sites, (\d+) patched", said)[1])
    assert patched > 0 and "modules hooked" in said and " 0 in doubt, 0 without room" in said, said
    assert banner(result) == banner(alone[1])
    record_property("seen", f"vmlinux {boot.sum()}; {steps}; {sum(exits.values()):,} exits; "
                            f"{patched} sites patched")


def test_fewer(alone, wedged, record_property):
    before, after = (kinds.covered(exits) for _, _, exits in (alone, wedged))
    assert kinds.fewer(before, after) >= LESS, (alone[2], wedged[2])
    assert wedged[2][kinds.CPUID] < alone[2][kinds.CPUID]
    record_property("seen", f"{before:,} exits of the kinds that the wedge covers without it, {after:,} "
                            f"with it: {kinds.fewer(before, after):.1f} % fewer; "
                            f"in all {sum(alone[2].values()):,} and {sum(wedged[2].values()):,}")


def test_console(wedged, record_property):
    """To user space a line is one exit; what another core does to the UART meanwhile may part a few."""
    result = wedged[1]
    lines = [line for line in result.console if line.strip()]
    first = next(n for n, line in enumerate(lines) if line.startswith("wedge: "))
    said = next(n for n, line in enumerate(lines) if "MULLION-REPORT" in line) - first
    window = counts.between(*(counts.first(result.fulls, mark) for mark in (counts.KERNEL, counts.USER)))
    text = sum(reason.count for (code, detail), reason in window.exits.items()
               if kinds.carries_text("kvm", code, detail))
    assert said / 2 < text <= said * PARTED, (text, said)
    record_property("seen", f"{text:,} exits with text for {said:,} lines of the wedge and the kernel")
