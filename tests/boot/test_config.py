# SPDX-License-Identifier: Apache-2.0
# A wrong mullion.conf: each fault has its message with line and column, the good VMs start.

import pytest

from mullion_host.machine import configuration
from rig import guest, service

XLOADFLAGS = 0x236  # Linux boot protocol 2.12: bit 0, the kernel has a 64-bit entry


@pytest.fixture
def bad_kernels(build):
    """{module name: file below the build directory} of kernels that cannot be started."""
    with open(f"{build}/guests/vmlinuz-6.1", "rb") as file:
        image = bytearray(file.read())
    files = {"short": image[:len(image) // 2]}
    image[XLOADFLAGS] &= ~1
    files["old"] = image
    for name, data in files.items():
        with open(f"{build}/boot/vmlinuz-{name}", "wb") as file:
            file.write(data)
    return {name: f"boot/vmlinuz-{name}" for name in files} | {"nopvh": "boot/mullion.elf"}


FAULTS = [  # (the VM's block, where in its line, what the log says of it)
    ("cpsu 2", "cpsu", r'"cpsu" is not a keyword; write "cpus"\?'),
    ("memory 64G", "memory", r"memory 64G is more than the .* left.*; write at most "),
    ("cpus 3-3", "cpus", r"core 3 is already vm \"good\"'s; write another core"),
    ("cpus 99", "cpus", r"cpus 99 is more than the .* left.*; write "),
    ("kernel missing", "kernel", r'kernel "missing" is not among the boot modules; there are: '),
    ("initrd missing", "initrd", r'initrd "missing" is not among the boot modules; there are: '),
    ("kernel short", "kernel", r"the kernel file is truncated; copy it again"),
    ("kernel old", "kernel", r"a 32-bit kernel without 64-bit entry; use an x86-64"),
    ("kernel nopvh", "kernel", r"the ELF kernel has no PVH note; use one built with CONFIG_PVH"),
    ("kernel initrd.img", "kernel", r"not a kernel: neither a bzImage nor an ELF file; name a"),
]


def faulty_lines():
    return "".join(f"vm bad{i} {{ {block} }}\n" for i, (block, _, _) in enumerate(FAULTS))


def test_faults(boot, bad_kernels, record_property):
    """All faults in one file: ten VMs are skipped with reasons, the two good ones run."""
    good = [service(), guest("good")]
    lead = configuration(good).replace("vm good { cpus 1;", "vm good { cpus 3-3;")
    assert "3-3" in lead
    run = boot(good, text=lead + faulty_lines(), cores="4", memory=2048,
               kernels={"vmlinuz": "guests/vmlinuz-6.1", **bad_kernels})
    spoken = run.reported()
    assert set(spoken) == {"host", "good"}
    for index, (block, word, message) in enumerate(FAULTS):
        line = lead.count("\n") + 1 + index
        column = f"vm bad{index} {{ {block} }}".index(word) + 1
        found = run.log_lines(rf'mullion\.conf:{line}:(\d+): vm "bad{index}": .*{message}')
        assert found, f"no message for {block!r}"
        assert int(found[0][1]) == column, f"the column of {block!r}"
        assert run.log_lines(rf'vm "bad{index}" is skipped')
        assert not run.log_lines(rf'vm "bad{index}": start')
    record_property("seen", f"{len(FAULTS)} faults in one file, each with its column")
    assert not run.log_lines(r'vm "good" is skipped')


def test_none_left(boot, bad_kernels):
    """Only when no VM can be built does the machine stop; it says so and starts nothing."""
    alone = "".join(x for x in faulty_lines().splitlines(True) if "3-3" not in x)
    run = boot([service()], text=alone, cores="2", memory=1024,
               kernels={"vmlinuz": "guests/vmlinuz-6.1", **bad_kernels})
    run.log_line(r".*the machine (stops|halts)")
    assert len(run.log_lines(r"mullion\.conf:\d+:\d+: ")) >= len(FAULTS) - 1
    assert not run.log_lines(r".*: start 1,")
    assert run.running()


def test_no_configuration(boot):
    """Without the module: a message, and a service VM by default, from module vmlinuz."""
    run = boot([service()], text="", cores="2", memory=1024)
    run.log_line(r"no boot module is called mullion\.conf; .*Add one to the boot loader's modules")
    run.log_line(r'vm "host": start 1, kernel vmlinuz')
