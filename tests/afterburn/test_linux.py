# SPDX-License-Identifier: Apache-2.0
# The prepared Linux: what is recorded in it, against two disassemblies; its modules, its pack, its source.

import os
import re
import struct
import subprocess
import sys
import tarfile

import pytest
from assembled import BUILD, ROOT, Pack, afterburn

sys.path.insert(0, os.path.join(ROOT, "tools"))

from mullion_host.prepared_linux import PreparedLinux
from mullion_host.steps import HostError

LINUX = os.path.join(BUILD, "afterburn", "linux-6.1")
KERNEL = os.path.join(LINUX, "vmlinux")
MODULES = sorted(os.listdir(os.path.join(LINUX, "modules")))
# Mnemonics as objdump writes them, of kinds that are told from others by the mnemonic alone.
MNEMONICS = {"cli": "cli", "sti": "sti", "hlt": "hlt", "cpuid": "cpuid", "rdmsr": "rdmsr", "wrmsr": "wrmsr",
             "in": "in", "out": "out", "rdtsc": "rdtsc", "rdtscp": "rdtscp", "swapgs": "swapgs", "pause": "pause",
             "invlpg": "invlpg", "rdpmc": "rdpmc"}


def counted(out, title):
    """The counts below a title of `afterburn report`."""
    block = re.search(rf"^{title}\n((?:  .*\n)+)", out, re.M)[1]
    return {name: int(count) for name, count in re.findall(r"^  (\S+) +(\d+)$", block, re.M)}


def test_coverage(record_property):
    """All that a disassembly finds sensitive in the kernel's text is recorded, and nothing else."""
    status, out, err = afterburn("verify", KERNEL)
    assert (status, err) == (0, ""), out
    found = re.search(r"coverage: (\d+) of (\d+) .*? ([\d.]+) %; pause (\d+) of (\d+)", out)
    assert int(found[2]) > 2000 and float(found[3]) >= 99 and found[4] == found[5]
    assert "0 of them wrong" in out
    record_property("seen", out.splitlines()[-2])


def test_counts_are_those_of_objdump(record_property):
    """Another disassembler counts as many of each kind as are recorded."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", KERNEL], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    seen = dict.fromkeys(MNEMONICS, 0)
    for name in re.findall(r"^[0-9a-f]+:\t(?:lock |ds )*(\w+)", listing, re.M):
        if name in seen:
            seen[name] += 1
    recorded = counted(afterburn("report", KERNEL)[1], "kinds")
    assert {name: recorded.get(kind, 0) for name, kind in MNEMONICS.items()} == seen
    record_property("seen", " ".join(f"{name} {count}" for name, count in seen.items()))


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    """A module's records are found through its relocations, and each is where it says."""
    path = os.path.join(LINUX, "modules", name)
    status, out, err = afterburn("verify", path)
    assert (status, err) == (0, "") and "0 of them wrong" in out
    if name == "cpuid.ko":
        assert counted(afterburn("report", path)[1], "kinds") == {"cpuid": 1}


def test_pack_of_linux(tmp_path, record_property):
    """Sites lie in the segments in front of their instructions; those in the exception table are flagged."""
    status, out, err = afterburn("pack", "--guest", KERNEL, "--output", tmp_path / "pack", "--name", "linux")
    assert (status, err) == (0, "")
    pack = Pack(tmp_path / "pack")
    assert pack.checksum == pack.true_checksum()
    segments = [(physical, pack.bytes[offset:offset + size])
                for physical, offset, size, _ in pack.table("segments", "<4Q")]

    def bytes_at(address, size):
        (data,) = [data[address - start:address - start + size] for start, data in segments
                   if start <= address < start + len(data)]
        return data

    starts = {1: b"\x3e\x3e\x3e\x3e\xfa", 2: b"\x3e\x3e\x3e\x3e\xfb", 6: b"\xf4", 11: b"\x0f\xa2", 12: b"\x0f\x32", 13: b"\x0f\x30"}
    sites = pack.site_list()
    for physical, size, before, length, kind, _, _ in sites:
        if kind in starts:
            assert bytes_at(physical + before, length) == starts[kind]
        assert size >= 5 and (before == 0 or kind == 2)
    table = bytes_at(pack.ex_table, pack.ex_table_size)
    faulting = {pack.ex_table + at + struct.unpack_from("<i", table, at)[0] for at in range(0, len(table), 12)}
    flagged = {site[0] + site[2] for site in sites if site[5] & 4}
    assert flagged == {site[0] + site[2] for site in sites} & faulting and len(flagged) > 100
    assert bytes_at(pack.text_area, 65536) == bytes([0xcc]) * 65536 and not any(bytes_at(pack.data_area, 49152))
    assert {entry[0] for entry in pack.table("symbols", "<IIQII")} == {1, 2, 3, 4, 5, 6}
    assert all(entry[4] >= 5 for entry in pack.table("symbols", "<IIQII") if entry[0] <= 3)
    record_property("seen", f"{len(sites)} sites, {len(flagged)} in the exception table; {out.splitlines()[0]}")


def test_changed_source_is_noticed(tmp_path):
    """build-linux compares Linux' source with Debian's package after the build."""
    linux = PreparedLinux(tmp_path, "6.1")
    os.makedirs(os.path.dirname(linux.linux.tarball))
    os.makedirs(linux.source)
    file = os.path.join(linux.source, "Makefile")
    with open(file, "w", encoding="ascii") as out:
        out.write("VERSION = 6\n")
    with tarfile.open(linux.linux.tarball, "w:xz") as archive:
        archive.add(linux.source, os.path.basename(linux.source))
    assert linux._compare()[0] == "0 files of it changed"
    with open(file, "a", encoding="ascii") as out:
        out.write("# changed\n")
    with pytest.raises(HostError, match="is not as Debian's package has it"):
        linux._compare()


def test_interposition_is_three_variables():
    """All that tells a prepared build from a plain one is on make's command line."""
    words = PreparedLinux(BUILD, "6.1").interposed()
    assert [word.split("=")[0] for word in words] == ["KCFLAGS", "KAFLAGS", "AFLAGS_entry_64.o"]
    assert all(os.path.exists(word.split("-Wa,")[1]) for word in words)
    assert PreparedLinux(BUILD, "6.1", plain=True).interposed() == []
