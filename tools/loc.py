#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lines of code of the monitor: every source that its link map names, headers once."""
import re
import subprocess
import sys
from pathlib import Path

BUDGET = 6000
OBJECT = re.compile(r"obj/((?:monitor|include)/\S+\.[cS])\.o")


def code_lines(path: Path) -> int:
    """Lines that hold more than blanks and comments (/* */ and //; # in linker scripts is code)."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), path.read_text(),
                  flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    return sum(1 for line in text.splitlines() if line.strip())


def headers(build: Path, sources: list[str]) -> set[str]:
    """The project's own headers that the compiler read for SOURCES, from its dependency files."""
    found: set[str] = set()
    for source in sources:
        words = (build / "obj" / f"{source}.d").read_text().replace("\\\n", " ").split()
        found |= {w for w in words if w.endswith(".h") and w.startswith(("monitor/", "include/"))}
    return found


def main() -> int:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    linked = (build / "mullion.map").read_text().split("Linker script and memory map")[1]
    sources = sorted(set(OBJECT.findall(linked)))
    files = sources + sorted(headers(build, sources)) + ["monitor/x86/mullion.ld"]
    by_folder: dict[str, int] = {}
    for name in files:
        folder = str(Path(name).parent)
        by_folder[folder] = by_folder.get(folder, 0) + code_lines(Path(name))
    for folder, lines in sorted(by_folder.items()):
        print(f"{lines:6} {folder}")
    total = sum(by_folder.values())
    verdict = f"{total - BUDGET} over" if total > BUDGET else f"{BUDGET - total} below"
    print(f"{total:6} lines of {len(files)} files, {verdict} the budget of {BUDGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
