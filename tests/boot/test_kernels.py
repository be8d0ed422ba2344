# SPDX-License-Identifier: Apache-2.0
# Two stock kernels of different age side by side.

from mullion_host.packages import Fetcher
from rig import guest, service


def test_two_kernels(boot, build, record_property):
    manifest = Fetcher(build).manifest()
    vms = [service(), guest("new", kernel="vmlinuz-6.12", cpus=2), guest("old", cpus=2)]
    run = boot(vms, kernels={"vmlinuz": "guests/vmlinuz-6.1",
                             "vmlinuz-6.12": "guests/vmlinuz-6.12"})
    spoken = run.reported()
    assert spoken["new"].kernel == manifest["vmlinuz-6.12"]["release"]
    assert spoken["old"].kernel == manifest["vmlinuz-6.1"]["release"]
    assert spoken["host"].kernel == manifest["vmlinuz-6.1"]["release"]
    record_property("seen", f"{spoken['old'].kernel} and {spoken['new'].kernel}")
    assert [spoken[name].cpus for name in ("host", "new", "old")] == [1, 2, 2]
