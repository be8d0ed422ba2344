# SPDX-License-Identifier: Apache-2.0
# A wedge's boot on the bare machine: a guest that it does not patch, and packs that cannot be started.

import os
import re
import struct
import subprocess
import threading
import zlib

import grounds
import pytest

from mullion_host.machine import TCG_CPU

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SIZE_AT, CHECKSUM_AT, TEXT_AREA_SIZE_AT = 16, 24, 56  # in struct afterburn_pack
LAST_WORDS = 20


class Boot:
    """QEMU with WEDGE as kernel and PACK as its initrd, until a line of the console matches UNTIL."""

    def __init__(self, wedge, pack, until, words="", memory=512, cpus=1):
        command = [os.path.join(BUILD, "host/qemu-system-x86_64"), "-accel", "tcg,thread=multi",
                   "-cpu", TCG_CPU, "-machine", "q35", "-smp", str(cpus), "-m", f"{memory}M",
                   "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio",
                   "-kernel", os.path.join(BUILD, "afterburn", f"wedge-{wedge}"), "-append", words]
        self.lines, self.match = [], None
        with subprocess.Popen(command + (["-initrd", pack] if pack else []), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as qemu:
            limit = threading.Timer(grounds.SECONDS, qemu.kill)
            limit.start()
            for line in qemu.stdout:
                self.lines.append(line.decode(errors="replace").rstrip())
                self.match = re.search(until, self.lines[-1])
                if self.match:
                    break
            limit.cancel()
            qemu.kill()
        assert self.match, f"no line with {until!r}; the last ones: {self.lines[-LAST_WORDS:]}"

    def said(self):
        """The wedge's lines, whole."""
        return [line for line in self.lines if "wedge: " in line]


@pytest.fixture(scope="module")
def pack():
    """The bytes of a prepared kernel's pack, with the workload."""
    with open(grounds.wedged(BUILD, "auto").initrd, "rb") as file:
        return file.read()


def changed(pack, offset, form, value, seal=True):
    """The pack with one field changed, and if wanted with a checksum that fits."""
    data = bytearray(pack)
    struct.pack_into(form, data, offset, value)
    if seal:
        struct.pack_into("<I", data, CHECKSUM_AT, 0)
        struct.pack_into("<I", data, CHECKSUM_AT, zlib.crc32(data))
    return data


def save(folder, data):
    """A file for QEMU."""
    path = folder / "test.pack"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("wedge, why", [
    ("auto", "unknown ground; this wedge is for mullion kvm"),
    ("kvm", "unknown ground; this wedge is for kvm")])
def test_unknown_ground(pack, tmp_path, record_property, wedge, why):
    """The guest runs as it is, through the whole workload, on four cores."""
    run = Boot(wedge, save(tmp_path, pack), "AFTERBURN (done|failed)", cpus=4,
               words="console=ttyS0 panic=1 mullion.role=afterburn mullion.nonce=bare")
    (line,) = run.said()
    assert f" starts unpatched: {why}" in line
    assert run.match[1] == "done" and "AFTERBURN boot bare cpus 4" in run.lines
    assert sum("AFTERBURN result " in found for found in run.lines) == len(grounds.STEPS)
    record_property("seen", line)


def test_guest_without_area(pack, tmp_path):
    """It starts, is not patched, and its command line is the pack's and the hypervisor's."""
    run = Boot("count", save(tmp_path, changed(pack, TEXT_AREA_SIZE_AT, "<Q", 0)),
               "AFTERBURN boot area cpus 1",
               words="console=ttyS0 panic=1 mullion.role=afterburn mullion.nonce=area")
    (line,) = run.said()
    assert "starts unpatched: it has no area for a wedge" in line


def line_of(tmp_path, data, memory=512):
    """What the wedge says of a pack that it does not start; it says nothing else, and waits."""
    run = Boot("auto", save(tmp_path, data) if data is not None else None, "wedge: (.*)", memory=memory)
    return run.match[1]


def test_no_pack(tmp_path):
    assert line_of(tmp_path, None) == \
        "there is no pack; give one to the hypervisor as initrd (QEMU: -initrd FILE)"


def test_other_file(pack, tmp_path):
    assert line_of(tmp_path, b"x" * 5000) == \
        "the module (5000 bytes) is no pack; make one: afterburn pack"


def test_truncated(pack, tmp_path):
    assert line_of(tmp_path, pack[:123456]) == \
        f"the pack is truncated: 123456 of {len(pack)} bytes; pack it again"
    assert re.fullmatch(r"the pack is truncated: 123 of \d+ bytes; pack it again",
                        line_of(tmp_path, pack[:123]))


def test_newer(pack, tmp_path):
    assert line_of(tmp_path, changed(pack, 8, "<I", 2)) == \
        "the pack has version 2, this wedge knows 1; build both from one release"


def test_damaged(pack, tmp_path):
    data = changed(pack, len(pack) // 2, "<B", pack[len(pack) // 2] ^ 1, seal=False)
    assert re.fullmatch(r"the pack is damaged: its CRC-32 is [0-9a-f]{8}, not [0-9a-f]{8}; "
                        r"pack it again", line_of(tmp_path, data))
    assert "the pack is damaged: its text area at " in \
        line_of(tmp_path, changed(pack, TEXT_AREA_SIZE_AT, "<Q", 1 << 40))


def test_little_memory(pack, tmp_path):
    """Too little for the guest; enough for it, and too little for the pack beside it."""
    assert re.fullmatch(r"the guest needs RAM from \w+ to \w+, and RAM ends at \w+ or has holes; "
                        r"give the machine more memory", line_of(tmp_path, pack, memory=24))
    assert re.fullmatch(rf"the pack \({len(pack)} bytes\) does not fit into RAM \(up to \w+\) beside "
                        r"the guest; give the machine more memory", line_of(tmp_path, pack, memory=36))
