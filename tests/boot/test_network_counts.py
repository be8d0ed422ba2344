# SPDX-License-Identifier: Apache-2.0
# What two VMs that talk cost, counted from outside: a TCP stream, and one request after the other.

import os
import subprocess
import types

from rig import BOOT_SECONDS
from test_windows import ROOT, build_plugin

import counts
import figures
import net
import running

STREAM_KIB = 16  # for each exit; a kick for each frame of 64 KiB and for its answer are 32
REQUEST_EXITS = 2.2  # a kick for the request, one for the answer, and what the connection takes


def build_image(build):
    """The initramfs of VMs with a network."""
    subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={os.path.abspath(build)}",
                    os.path.join(os.path.abspath(build), net.IMAGE)], check=True)


def test_network_counts(boot, build, record_property):
    build_image(build)
    vms = net.pair("network lan")
    out = os.path.join(os.path.abspath(build), "boot", "network.counts")
    run = boot(vms, initrd=net.IMAGE, more={"net.img": net.IMAGE},
               extra=["-plugin", f"{build_plugin(build)},kind=svm,out={out}"])
    run.log_line("the machine switches off", seconds=3 * BOOT_SECONDS)
    assert run.exit_status() == 0
    fulls, _ = counts.read(out)
    result = types.SimpleNamespace(fulls=fulls, log=run.log.lines,
                                   loads=running.find_loads(run.log.lines),
                                   system=types.SimpleNamespace(vms=vms))
    agreed = figures.agreement(result)
    assert agreed["port"][0] > 0, agreed
    assert all(inside == outside for inside, outside in agreed.values()), agreed
    stream, requests = (figures.load_figures(result, name, counts.LOAD_NAMES.index(name))
                        for name in ("stream", "requests"))
    kib, exits = stream["units"] / stream["total"], requests["total"] / requests["units"]
    assert set(stream["exits"]) <= {"port", "icr"}, stream
    assert kib >= STREAM_KIB and exits <= REQUEST_EXITS, (stream, requests)
    record_property("seen", f"{kib:.0f} KiB of a stream for each exit, {exits:.2f} exits for a "
                            "request and its answer")
