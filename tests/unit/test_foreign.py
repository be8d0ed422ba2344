# SPDX-License-Identifier: Apache-2.0
"""Nothing foreign: what the monitor is linked and compiled from, the licence of each file, and the
sizes in docs/REUSE.md. MULLION_BUILD names the build directory."""

import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MULLION_BUILD", "build"))
SPDX = "SPDX-License-Identifier: Apache-2.0"
WITHOUT_SPDX = ("LICENSE", ".gitignore", "README.md", "docs/*.md", "docs/*.svg",  # text, pictures
                "guest/service/files/*")  # settings of the service VM, each in its program's language
TOLERANCE = 0.05  # of a size in REUSE.md; `make reuse` corrects them

sys.path.insert(0, str(ROOT / "tools"))
import loc  # noqa: E402  (found by the line above)


def linked_objects():
    """Every file that the linker has read for the monitor."""
    return re.findall(r"^LOAD (\S+)$", (BUILD / "mullion.map").read_text(), re.MULTILINE)


def dependencies():
    """{object: every file that its compilation has read}"""
    read = {}
    for name in linked_objects():
        text = Path(name).with_suffix(".d").read_text(encoding="utf-8")
        rule = text.replace("\\\n", " ").split("\n", 1)[0]
        read[name] = rule.split(":", 1)[1].split()
    return read


def test_only_own_objects_are_linked():
    objects = linked_objects()
    own = f"{BUILD}/obj/"
    assert len(objects) > 50
    for name in objects:
        source = ROOT / name.removeprefix(own).removesuffix(".o")
        assert name.startswith(f"{own}monitor/") and source.is_file(), f"{name} is not of monitor/"


def test_nothing_comes_from_an_archive():
    text = (BUILD / "mullion.map").read_text()
    assert "Archive member included" not in text and not re.findall(r"\S+\.(?:a|so)\b", text)
    undefined = subprocess.run(["nm", "--undefined-only", BUILD / "mullion64.elf"], text=True,
                               stdout=subprocess.PIPE, check=True).stdout
    assert undefined == ""


def test_only_own_and_freestanding_headers_are_read():
    compiler = subprocess.run(["gcc", "-print-file-name=include"], text=True,
                              stdout=subprocess.PIPE, check=True).stdout.strip()
    allowed = (f"{compiler}/", "monitor/", "include/", f"{BUILD}/gen/")
    read = dependencies()
    assert any(compiler in file for files in read.values() for file in files), \
        "the dependency files leave system headers out"
    for name, files in read.items():
        assert files[0].startswith("monitor/")
        foreign = [file for file in files if not os.path.normpath(file).startswith(allowed)]
        assert not foreign, f"{name} is made of {foreign}"


def tree_files():
    """Every file in git; without git, every file that is not built."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                                check=True).stdout.splitlines()
        return [name for name in listed if (ROOT / name).exists()]
    return [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()
            and not {"build", "__pycache__"} & set(path.relative_to(ROOT).parts)]


def test_each_file_names_its_licence():
    without = []
    for name in tree_files():
        head = (ROOT / name).read_bytes()[:400].decode(errors="replace").splitlines()[:3]
        if not any(SPDX in line for line in head):
            without.append(name)
    unexpected = [name for name in without
                  if not any(fnmatch.fnmatch(name, pattern) for pattern in WITHOUT_SPDX)]
    assert not unexpected, f"without \"{SPDX}\" in the first three lines: {unexpected}"
    assert "LICENSE" in without, "the files that need no such line are gone"


@pytest.fixture
def functions(monkeypatch):
    """Lines of code by function, as `make loc` counts them."""
    build = BUILD.resolve()
    monkeypatch.chdir(ROOT)
    return loc.by_function(loc.monitor_files(build) + loc.other_files())


def test_sizes_in_reuse(functions):
    text = (ROOT / "docs/REUSE.md").read_text(encoding="utf-8")
    written = {name: int(lines.replace(",", "")) for name, lines in loc.ROW.findall(text)}
    assert set(functions) <= set(written), "REUSE.md lacks a function"
    for name, lines in written.items():
        real = functions.get(name, 0)
        assert abs(lines - real) <= TOLERANCE * real, \
            f"REUSE.md says {lines} lines for {name}, the tree has {real}: make reuse"
