# SPDX-License-Identifier: Apache-2.0
# Each prepared kernel: all recorded, its modules too; through the workload on the bare machine, unpatched, and with
# a stub at each site that takes one. Their builds take long: for check-all, which names this file.

import os
import re

import grounds
import pytest
from assembled import BUILD, afterburn

KERNELS = ("linux-6.1", "linux-6.12", "linux-6.1-hardened", "linux-6.12-hardened")
# What a hardened kernel has, and how it says so; each rewrites or checks its own code when it starts.
HARDENED = ("Spectre V2 : Mitigation: Retpolines", "Kernel/User page tables isolation", "ftrace: allocating")


@pytest.mark.parametrize("name", KERNELS)
def test_all_recorded(name, record_property):
    """At least 99 % of the sensitive instructions of the kernel and of each module, and nothing that is not there."""
    folder = os.path.join(BUILD, "afterburn", name)
    files = [os.path.join(folder, "vmlinux")]
    files += [os.path.join(folder, "modules", module) for module in sorted(os.listdir(os.path.join(folder, "modules")))]
    seen = []
    for path in files:
        status, out, err = afterburn("verify", path)
        assert (status, err) == (0, "") and "0 of them wrong" in out, (path, err)
        covered = re.search(r"coverage: (\d+) of (\d+) .*?, ([\d.]+) %", out)
        seen.append(f"{os.path.basename(path)} {covered[1]} of {covered[2]}")
    assert float(re.search(r"coverage: .*?, ([\d.]+) %", afterburn("verify", files[0])[1])[1]) >= 99
    record_property("seen", f"{name}: {', '.join(seen)}")


@pytest.mark.parametrize("name", KERNELS)
def test_boots_unpatched(name, record_property):
    """Padding disturbs nothing: user space, forks, modules and interrupts between four cores, without a wedge."""
    boot, words = grounds.prepared(BUILD, name), "pti=on spectre_v2=on" if "hardened" in name else ""
    result = grounds.run(grounds.Bare(BUILD, f"bare-{name}", boot, words=words))
    steps = grounds.passed(result)
    lines = "\n".join(grounds.lines_of(result))
    assert "Call Trace" not in lines and "BUG:" not in lines
    if "hardened" in name:
        assert all(word in lines for word in HARDENED)
    record_property("seen", f"{name}: {steps}")


@pytest.mark.parametrize("name", KERNELS)
def test_boots_with_a_stub_at_each_site(name, record_property):
    """Kernels that rewrite their own code, and hide it from programs by page tables, bear the wedge that patches most."""
    boot, words = grounds.wedged(BUILD, "count", name), "pti=on spectre_v2=on" if "hardened" in name else ""
    result = grounds.run(grounds.Bare(BUILD, f"count-{name}", boot, words=words))
    steps = grounds.passed(result)
    lines = "\n".join(grounds.lines_of(result))
    sites = re.search(r"wedge: .* on count: (\d+) sites, (\d+) patched", lines)
    assert int(sites[2]) > 0.6 * int(sites[1]) and "BUG:" not in lines
    record_property("seen", f"{name}: {sites[2]} of {sites[1]} sites; {steps}")
