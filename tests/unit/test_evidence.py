# SPDX-License-Identifier: Apache-2.0
"""tools/evidence.py on made-up results: shown, failing, missing, unknown and forgotten tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/evidence.py"
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.boot.test_a" name="test_one"><properties>
<property name="seen" value="7 of 7 | all"/></properties></testcase>
<testcase classname="tests.boot.test_a" name="test_two[x]"/>
<testcase classname="tests.boot.test_a" name="test_two[y]">{two}</testcase>
<testcase classname="tests.boot.test_b.Group" name="test_three">{three}</testcase>
</testsuite></testsuites>
"""
CLAIMS = """[[claim]]
text = "one holds"
tests = ["tests/boot/test_a.py::test_one", "unit:test_c"]
[[claim]]
text = "two holds"
tests = ["tests/boot/test_a.py::test_two"]
[[claim]]
text = "three holds"
tests = ["tests/boot/test_b.py"]
[[claim]]
text = "it is portable"
tests = ["part:check-portable"]
"""


class Tree:
    """A project of four tests, one fuzz target and two parts."""

    def __init__(self, root):
        self.root = root
        self.write("tests/boot/test_a.py", "def test_one(): pass\ndef test_two(): pass\n")
        self.write("tests/boot/test_b.py", "class Group:\n    def test_three(self): pass\n")
        self.write("tests/unit/test_c.c", "")
        self.write("tests/fuzz/fuzz_f.c", "LLVMFuzzerTestOneInput")
        self.write("tools/check.py", "print('check-portable check-boot')")
        self.write("tests/claims/boot.toml", CLAIMS)
        qemu = self.write("build/host/qemu-system-x86_64",
                          "#!/bin/sh\necho QEMU emulator version 10.9.8\n")
        qemu.chmod(0o755)
        kernel = {"package": "linux-image-x", "version": "6.1-2"}
        self.write("build/guests/manifest.json", json.dumps({"vmlinuz-6.1": kernel}))
        self.results()

    def write(self, name, text):
        """A file of the tree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def results(self, two="", three="", unit=True, portable=0):
        """What the last run left."""
        self.write("build/results/check-boot.xml", JUNIT.format(two=two, three=three))
        self.write("build/results/unit.json",
                   json.dumps({"test_c": {"passed": unit, "tests": 3, "seen": ["9 faults"]}}))
        part = {"passed": 1, "failed": portable, "said": "portable: 14 files"}
        self.write("build/results/run.json",
                   json.dumps({"commit": "abc123+changes", "date": "2026-01-02",
                               "parts": {"check-portable": part}}))

    def evidence(self):
        """(exit status, what it said, what it wrote)"""
        output = self.root / "EVIDENCE.md"
        done = subprocess.run([sys.executable, "-B", TOOL, "--root", self.root, "--build",
                               self.root / "build", output], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout, output.read_text() if output.exists() else None


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def row(text, claim):
    """What stands behind a claim: [tests, seen]."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {claim} |"))
    return [cell.strip() for cell in line.replace("\\|", "!").split("|")[2:-1]]


def test_all_shown(tree):
    status, said, text = tree.evidence()
    assert status == 0, said
    assert "4 claims by 5 names of tests, 0 not shown" in said and "warning" not in said
    assert row(text, "one holds") == ["`tests/boot/test_a.py::test_one`, `unit:test_c`",
                                      "passed, all 4; 7 of 7 ! all; 9 faults"]
    assert row(text, "two holds")[1] == "passed, all 2"
    assert row(text, "three holds")[1] == "passed"
    assert row(text, "it is portable")[1] == "passed; portable: 14 files"
    assert "Commit abc123+changes, 2026-01-02. Emulator: QEMU 10.9.8, TCG, " in text
    assert "Guests: linux-image-x 6.1-2, as packaged." in text
    assert text.startswith("# Evidence\n\nWhat is claimed, ")
    assert "## Boot: `make check-boot`" in text


@pytest.mark.parametrize("results, claim, seen", [
    ({"two": "<failure/>"}, "two holds", "**failed**: tests/boot/test_a.py::test_two[y]"),
    ({"three": "<error/>"}, "three holds", "**failed**: tests/boot/test_b.py::Group::test_three"),
    ({"three": "<skipped/>"}, "three holds", "**did not run**: tests/boot/test_b.py"),
    ({"unit": False}, "one holds", "**failed**: unit:test_c"),
    ({"portable": 2}, "it is portable", "**failed**: part:check-portable"),
])
def test_not_shown(tree, results, claim, seen):
    tree.results(**results)
    status, said, text = tree.evidence()
    assert status == 1
    assert row(text, claim)[1] == seen
    assert f"not shown: {claim} ({seen})" in said and "1 not shown" in said


def test_nothing_ran(tree):
    (tree.root / "build/results/check-boot.xml").unlink()
    status, said, text = tree.evidence()
    assert status == 1 and "3 not shown" in said
    assert row(text, "two holds")[1] == "**did not run**: tests/boot/test_a.py::test_two"


def test_no_results(tree):
    (tree.root / "build/results/run.json").unlink()
    status, said, text = tree.evidence()
    assert (status, text) == (1, None) and "run make check-all" in said


@pytest.mark.parametrize("name", ["tests/boot/test_a.py::test_on", "tests/boot/test_z.py", "unit:c",
                                  "fuzz:g", "part:check", "boot:test_one"])
def test_unknown_test(tree, name):
    tree.write("tests/claims/fuzz.toml", f'[[claim]]\ntext = "x"\ntests = ["fuzz:f", "{name}"]\n')
    status, said, text = tree.evidence()
    assert (status, text) == (1, None)
    assert f"tests/claims/fuzz.toml names {name}, which does not exist" in said


def test_forgotten_tests(tree):
    """A test that no claim names is no error, but is named."""
    tree.write("tests/unit/test_d.c", "")
    tree.write("tests/attack/test_e.py", "def test_four(): pass\n")
    status, said, _ = tree.evidence()
    assert status == 0
    warned = [line.split()[-1] for line in said.splitlines() if "warning" in line]
    assert warned == ["tests/attack/test_e.py::test_four", "unit:test_d"]


def test_fuzz_figures(tree):
    tree.write("tests/claims/fuzz.toml", 'machine = false\ntitle = "T"\ncommand = "make f"\n'
               '[[claim]]\ntext = "any input"\ntests = ["fuzz:f"]\n')
    tree.write("build/results/fuzz.json", json.dumps({"f": {"passed": True, "seen": ["9 runs"]}}))
    status, said, text = tree.evidence()
    assert status == 0, said
    assert row(text, "any input")[1] == "passed; 9 runs"
    assert text.index("## T: `make f`") < text.index("## Boot")
    assert "2026-01-02.\n" in text
