# SPDX-License-Identifier: Apache-2.0
# The same kernel as a PVH guest of Debian's Xen, without and with its wedge; and a stock one, which
# shows that the ground is one. Each boots a machine of its own: part of check-afterburn-long.

import os
import re
import subprocess

import grounds
import grounds_xen
import pytest

BUILD = os.environ.get("BUILD", "build")
INITRD = os.path.join(BUILD, "guests/initrd.img")
PREPARED = os.path.join(BUILD, "afterburn/linux-6.1/vmlinux")
WEDGE = os.path.join(BUILD, "afterburn/wedge-xen")
FEWER = 20  # 95 %
LINE = re.compile(r"wedge: .* on xen: (\d+) sites, (\d+) patched")


@pytest.fixture(scope="module", name="pack")
def make_pack():
    """The prepared kernel with the workload, as one file."""
    path = os.path.join(BUILD, "afterburn/run/xen.pack")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run([os.path.join(BUILD, "afterburn/afterburn"), "pack", "--guest", PREPARED,
                    "--initrd", INITRD, "--output", path], check=True, stdout=subprocess.DEVNULL)
    return path


def boot(name, kernel, initrd):
    """The Result of a boot that passed the workload."""
    ground = grounds_xen.start(BUILD, name, grounds.Boot(kernel, initrd))
    result = grounds_xen.run(ground)
    assert not [line for line in result.console if "XENHOST failed" in line]
    assert any("Xen HVM" in line or "Booting kernel on Xen PVH" in line for line in result.console)
    grounds.passed(result, ground.vm.nonce)
    return result


@pytest.fixture(scope="module", name="alone")
def boot_alone():
    """The prepared kernel, unpatched."""
    return boot("xen-alone", PREPARED, INITRD)


@pytest.fixture(scope="module", name="wedged")
def boot_wedged(pack):
    """The prepared kernel with its wedge."""
    return boot("xen-wedge", WEDGE, pack)


def figures(result):
    """Exits in words."""
    kinds = ("in", "out", "cpuid", "rdmsr", "wrmsr", "hypercall", "hlt")
    return ", ".join([f"{result.total()} exits", f"{result.covered()} of them covered",
                      *(f"{kind} {result.of(kind)}" for kind in kinds)])


def test_stock(record_property):
    """A kernel that nobody prepared: what it needs of Xen is there."""
    result = boot("xen-stock", os.path.join(BUILD, "guests/vmlinuz-6.1"), INITRD)
    record_property("seen", figures(result))


def test_alone(alone, record_property):
    """The prepared kernel needs no wedge."""
    assert not [line for line in alone.console if line.startswith("wedge:")]
    record_property("seen", figures(alone))


def test_wedge(wedged, record_property):
    """The wedge says on the guest's console what it patched."""
    lines = list(filter(None, map(LINE.search, wedged.console)))
    assert len(lines) == 1
    assert int(lines[0][2]) > 0
    record_property("seen", f"{lines[0][2]} of {lines[0][1]} sites patched; {figures(wedged)}")


def test_fewer(alone, wedged, record_property):
    """Hardly any exit remains of the kinds that the wedge covers."""
    assert alone.covered() > 1000
    assert wedged.covered() * FEWER <= alone.covered()
    record_property("seen", f"{alone.covered()} exits without the wedge, {wedged.covered()} with it; "
                    f"in all {alone.total()} and {wedged.total()}")
