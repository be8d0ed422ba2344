# SPDX-License-Identifier: Apache-2.0
# `mullion probe` on a stock kernel without Mullion: the real /proc, /sys, CPUID and MSRs.

import os
import re
import subprocess

import pytest

from bare import Bare, shell, start_bare
from mullion_host.machine import SPARE_MEMORY, TCG_CPU
from overlay import guest_package, kernel_module, read_file
from rig import BOOT_SECONDS, service

GRUB_MODULE = "usr/lib/grub/i386-pc/multiboot2.mod"
MEMORY = 1536  # MiB
ITEM = re.compile(r"^  (\S.{15}) (yes|no|unknown) +(\S.*)$")
NOT_IN_TCG = {"invariant TSC", "bare hardware", "SMT", "IOMMU"}


@pytest.fixture
def bare(build, request):
    """bare(cpu) is a running machine whose shell has the command `mullion`."""
    runs = request.node.mullion_runs = []

    def start(cpu):
        vm = service(cpus=2, memory=MEMORY - SPARE_MEMORY)
        machine = Bare(build, [vm], cpu=cpu, directory=f"boot/{request.node.name}")
        files = {"bin/mullion": read_file(machine.path("mullion")),
                 GRUB_MODULE: read_file("/" + GRUB_MODULE),
                 "msr.ko": kernel_module(build, "arch/x86/kernel/msr.ko"),
                 f"boot/vmlinuz-{guest_package(build)['release']}": b"-"}
        machine.prepare(files)
        return start_bare(machine, runs)

    yield start
    for run in runs:
        run.end()


def probe(run):
    """{label: (answer, text)}, the verdict, the configuration's text, the exit status."""
    lines, status = shell(run, "mullion probe")
    items = {m[1].strip(): (m[2], m[3]) for m in map(ITEM.match, lines) if m}
    verdict = next(i for i, line in enumerate(lines) if line.startswith("this machine"))
    return items, lines[verdict], "\n".join(lines[verdict + 1:]) + "\n", status


def answered(items, answer):
    return {label for label, (is_so, _) in items.items() if is_so == answer}


def start_divided(boot, build, name, text):
    """The same machine, started by Mullion with the configuration that was printed for it."""
    kernel = re.search(r"kernel (vmlinuz-\S+)", text)[1]
    run = boot([service()], text=text, cores="2", memory=MEMORY, directory=f"boot/{name}-divided",
               kernels={kernel: "guests/vmlinuz-6.1"})
    run.vm_line("vm1", "MULLION-REPORT name=guest .* cpus=1 ", seconds=BOOT_SECONDS)
    run.wait(run.console, "MULLION-REPORT name=host .* cpus=1 ", seconds=BOOT_SECONDS)
    assert not run.log_lines(".*mullion.conf:")


def test_everything(bare, boot, build, request, record_property):
    run = bare(TCG_CPU)
    items, verdict, _, status = probe(run)
    assert items["SVM switched on"][0] == "unknown", "the module msr is not loaded yet"
    assert status == 0 and "1 thing could not be seen" in verdict
    shell(run, "insmod /msr.ko")
    items, verdict, text, status = probe(run)
    record_property("seen", f"{len(items)} items; {verdict}")
    assert answered(items, "unknown") == set()
    assert answered(items, "no") == NOT_IN_TCG, items
    assert (verdict, status) == ("this machine can run Mullion", 0)
    assert items["cores"][1] == "2"
    assert "TCGTCGTCGTCG" in items["bare hardware"][1]
    assert "VM_CR.SVMDIS is 0" in items["SVM switched on"][1]
    assert f'cmdline "{run.machine.vms[0].cmdline()}"' in text
    kilobytes = shell(run, "grep MemTotal /proc/meminfo")[0][0].split()[1]
    checked = subprocess.run([os.path.join(build, "mullion"), "check", "--cpus", "2",
                              "--memory", f"{kilobytes}K", "-"], input=text, text=True,
                             capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr + text
    assert re.match(r"service host: 1 core \(0\),.*\nvm vm1: 1 core \(1\),", checked.stdout)
    lines, status = shell(run, "mullion probe --config | mullion check -")
    assert status == 0 and lines[0].startswith("service host: 1 core,")
    run.end()
    start_divided(boot, build, request.node.name, text)


def test_no_svm(bare):
    run = bare(TCG_CPU.replace("+svm", "-svm"))
    items, verdict, _, status = probe(run)
    assert items["AMD SVM"][0] == "no" and "+svm" in items["AMD SVM"][1]
    assert (verdict, status) == ("this machine cannot run Mullion: 1 thing to change", 1)
    assert answered(items, "no") == NOT_IN_TCG | {"AMD SVM"}
    assert "SVM switched on" not in items


def test_no_nested_paging(bare):
    run = bare(TCG_CPU.replace("+npt", "-npt").replace("+x2apic", "-x2apic"))
    items, _, _, status = probe(run)
    assert status == 1
    assert answered(items, "no") == NOT_IN_TCG | {"nested paging", "x2APIC"}
