# SPDX-License-Identifier: Apache-2.0
# A second system, memtest86+: prepared without a changed line, bare and in a VM of one core.

import filecmp
import os
import re

import pytest
from assembled import BUILD, Pack, afterburn
from memtest_rig import Bare, Divided, MemtestRun
from mullion_host.memtest import MemtestBuilder
from pathlib import Path

PASSES = 2
FAR, REASON_EARLY = 25, 8
COVERAGE = re.compile(r"^coverage: (\d+) of (\d+) sensitive .*; pause (\d+) of (\d+)", re.M)
WEDGE = re.compile(r"wedge: memtest86\+ on (\w+): (\d+) sites, (\d+) patched")


def made(name):
    """A file of the build."""
    return os.path.join(BUILD, "afterburn", name)


@pytest.fixture(name="run")
def running(request):
    """run(machine class, kernel, pack) is a running memtest86+, ended with the test."""
    runs = []

    def start(kind, kernel, pack=None):
        name = f"{request.node.name}-{len(runs)}"
        os.makedirs(made("run"), exist_ok=True)
        one = MemtestRun(kind(BUILD, name, kernel, pack))
        runs.append(one)
        return one.__enter__()
    yield start
    for one in runs:
        one.end()


def worked(run):
    """It tests, it is told by its menu to do one test only, and that passes. What it sends is what it
    wrote: a wedge that is left behind when it moves would send what the memory test writes."""
    run.shows(r"Errors: +0")
    run.choose(3)
    passes = run.passes(PASSES)
    assert not re.search(r"[^\x1b\r\n\x20-\x7e]", run.output())
    return passes


def test_no_line_is_changed(tmp_path, record_property):
    """After the build each file of the source is as in Debian's package."""
    builder = MemtestBuilder(BUILD)
    builder.unpack(str(tmp_path / "source"))
    files = [str(path.relative_to(tmp_path / "source"))
             for path in (tmp_path / "source").rglob("*") if path.is_file()]
    same, changed, lost = filecmp.cmpfiles(tmp_path / "source", builder.source, files, shallow=False)
    assert len(same) == len(files) > 100 and not changed and not lost
    record_property("seen", f"memtest86+ {builder.upstream.version()}: {len(same)} files, none changed")


def test_all_is_recorded(record_property):
    """By a disassembly that does not read the records."""
    status, out, err = afterburn("verify", made("memtest.elf"))
    assert status == 0, out + err
    found, there, pauses, pauses_there = map(int, COVERAGE.search(out).groups())
    assert found == there > 200 and pauses == pauses_there > 0
    record_property("seen", f"{found} of {there}, pause {pauses} of {pauses_there}")


def test_operand_below_the_stack(tmp_path):
    """A far jump through what is below the stack pointer stays: a stub would overwrite it."""
    packed = tmp_path / "pack"
    status, _, err = afterburn("pack", "--guest", made("memtest.elf"), "--output", packed, "--entry",
                               "linux32")
    assert status == 0, err
    sites = Pack(Path(packed)).site_list()
    jumps = [site for site in sites if site[4] == FAR]
    assert sorted(site[6] for site in jumps) == [3, REASON_EARLY]


def test_prepared_without_a_wedge(run):
    """The prepared image is a Linux kernel to its loaders, as the stock one."""
    assert worked(run(Bare, made("memtest.bin"))) >= PASSES


def test_bare_with_counts(run, record_property):
    """Bare, by the wedge that counts: it passes, moves itself, and says at its end what it has executed."""
    one = run(Bare, made("wedge-count"), made("memtest.pack"))
    passes = worked(one)
    line = WEDGE.search(one.output())
    assert line[1] == "count" and int(line[3]) > 200
    one.port.send(b"\x1b")
    assert one.exit_status() == 0
    assert one.port.wait(lambda lines: "count: end" in lines, 30)
    kinds = {m[1]: int(m[2]) for m in re.finditer(r"count: kind (\S+) (\d+) \d+", one.output())}
    assert kinds["out"] > 1000 and kinds["in"] > kinds["out"] and kinds["cpuid"] > 5
    record_property("seen", f"{line[3]} of {line[2]} sites patched; {passes} passes; executed "
                            + ", ".join(f"{kind} {number}" for kind, number in kinds.items()))


def test_stock_on_mullion(run, record_property):
    """memtest86+ as it is, in a VM of one core."""
    one = run(Divided, os.path.join(BUILD, "memtest", "memtest.bin"))
    passes, shown, exits = worked(one), len(one.output()), one.exits()
    assert exits["console"] > 1.5 * shown
    record_property("seen", f"{passes} passes, no error; {shown} characters; exits {exits}")


def test_wedge_on_mullion(run, record_property):
    """The same pack as bare. Each character needed two exits; now many share one call, and what is left
    of the UART's are looks for a key: one at each look for one of the keyboard, port 64h, at most."""
    seen = []
    for kernel, pack in ((made("memtest.bin"), None), (made("wedge-mullion"), made("memtest.pack"))):
        one = run(Divided, kernel, pack)
        assert worked(one) >= PASSES
        assert bool(one.log_lines(r'vm "mem": a wedge, version 2')) == bool(pack)
        shown, exits = len(one.output()), one.exits()
        seen.append(f"{shown} characters, exits {exits}")
        one.end()
        if not pack:
            assert exits["console"] > 1.5 * shown
    assert exits["console"] <= exits["port"] and 0 < exits["hypercall"] < shown / 40
    record_property("seen", "without: " + seen[0] + "; with its wedge: " + seen[1])
