# SPDX-License-Identifier: Apache-2.0
# The same kernel as a PVH guest of Debian's Xen, without and with its wedge; and a stock one, which
# shows that the ground is one. Each boots a machine of its own: part of check-afterburn-long.

import os
import re

import grounds
import grounds_xen
import mknet
import pytest

BUILD = os.environ.get("BUILD", "build")
FEWER = 20  # 95 %
PIT = "in", 0x42  # Linux measures the TSC by it, and reads it 100,000 times where there is none
PROBES = 3        # ports that the wedge itself asks, before the guest runs
LINE = re.compile(r"wedge: .* on xen: (\d+) sites, (\d+) patched")


def stock():
    """The Boot of Debian's kernel, with its own modules."""
    guests = os.path.join(BUILD, "guests")
    image = os.path.join(BUILD, "afterburn", "run", "stock.img")
    modules = mknet.modules(BUILD, "6.1", [name[:-3] for name in grounds.MODULES])
    os.makedirs(os.path.dirname(image), exist_ok=True)
    grounds.save(grounds.pack(os.path.join(guests, "init"), os.path.join(guests, "busybox"), [],
                              modules), image)
    kernel = os.path.join(guests, "vmlinuz-6.1")
    return grounds.Boot(kernel, image, kernel)


def run(name, boot):
    """The Result of a boot that passed the workload."""
    result = grounds_xen.run(grounds_xen.Xen(BUILD, name, boot))
    assert not [line for line in result.console if "XENHOST failed" in line]
    assert any("Booting kernel on Xen PVH" in line for line in result.console)
    grounds.passed(result)
    return result


@pytest.fixture(scope="module", name="alone")
def run_alone():
    """The prepared kernel, unpatched."""
    return run("xen-alone", grounds.prepared(BUILD))


@pytest.fixture(scope="module", name="wedged")
def run_wedged():
    """The prepared kernel with its wedge."""
    return run("xen-wedge", grounds.wedged(BUILD, "xen"))


def figures(result):
    """Exits in words."""
    kinds = ("in", "out", "cpuid", "rdmsr", "wrmsr", "hypercall", "hlt")
    return ", ".join([f"{result.total()} exits", f"{result.covered()} of them covered",
                      *(f"{kind} {result.of(kind)}" for kind in kinds)])


def test_stock(record_property):
    """A kernel that nobody prepared: what it needs of Xen is there."""
    record_property("seen", figures(run("xen-stock", stock())))


def test_alone(alone, record_property):
    """The prepared kernel needs no wedge."""
    assert not [line for line in alone.console if "wedge: " in line]
    record_property("seen", f"vmlinux {alone.system.boot.sum()}; {figures(alone)}")


def test_wedge(wedged, record_property):
    """The wedge says on the guest's console what it patched."""
    lines = list(filter(None, map(LINE.search, wedged.console)))
    assert len(lines) == 1
    assert int(lines[0][2]) > 0
    record_property("seen", f"vmlinux {wedged.system.boot.sum()}; {lines[0][2]} of {lines[0][1]} "
                    f"sites patched; {figures(wedged)}")


def test_fewer(alone, wedged, record_property):
    """Hardly any exit remains of the kinds that the wedge covers, and none for a port of the guest."""
    assert alone.covered() > 1000
    assert wedged.covered() * FEWER <= alone.covered()
    assert wedged.of("in", "out") == PROBES
    record_property("seen", f"{alone.covered()} exits without the wedge, {alone.exits[PIT]} of them for "
                    f"port 42h, {wedged.covered()} with it; in all {alone.total()} and {wedged.total()}")
