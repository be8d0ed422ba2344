# SPDX-License-Identifier: Apache-2.0
# A machine that cannot be divided: one clear line, then the service VM's kernel without a monitor.

import pytest

from mullion_host.machine import TCG_CPU, configuration
from rig import BOOT_SECONDS, guest, service

CORES = 3
LACKS = [("svm", r"no AMD SVM; .*switch \"SVM Mode\" on"),
         ("npt", r"no nested paging.*\+npt"),
         ("x2apic", r"no x2APIC; switch it on")]


def without(feature):
    return TCG_CPU.replace(f"+{feature}", f"-{feature}")


@pytest.mark.parametrize("feature, line", LACKS, ids=[f for f, _ in LACKS])
def test_bare(boot, feature, line):
    run = boot([service(), guest("other")], cpu=without(feature), cores=str(CORES))
    run.log_line(f".*cannot divide this machine: .*{line}")
    spoken = run.reported("host", seconds=BOOT_SECONDS)["host"]
    assert spoken.cpus == CORES, "bare, it has all of the machine's cores"
    assert spoken.memory_kb / 1024 > 384 + 100, "and all of its memory"
    assert len(run.log_lines(".*cannot divide")) == 1
    assert run.log_lines("booting vmlinuz bare")
    assert not run.log_lines(".*: start 1,")


def test_strict(boot):
    vms = [service()]
    run = boot(vms, text="strict\n" + configuration(vms), cpu=without("svm"), cores="2",
               monitor=True)
    run.log_line(r".*the configuration says strict; the machine halts")
    assert run.halted()
    assert not run.console.lines, "it booted in spite of `strict`"
    assert not run.log_lines(".*booting")
