#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lines of code of the monitor, every source that its link map names, headers once: by folder, and
by what they are for. `loc.py BUILD docs/REUSE.md` writes the second list into that file's table."""
import re
import sys
from pathlib import Path

BUDGET = 9500
FUNCTIONS = {  # of the monitor's files, in this order; then of the rest of the tree
    "ACPI": r"monitor/x86/boot/acpi",
    "boot": r"monitor/x86/(boot/|boot_info|multiboot|entry\.S|main|setup|smp|bare|inventory|"
            r"vm_boot|mullion\.ld)",
    "configuration": r"monitor/core/config",
    "scheduling": r"monitor/core/place",
    "memory": r"monitor/x86/(memory|paging|pagetable|vm_memory)|monitor/core/(guest_memory|memory_)",
    "network": r"monitor/core/(virt|switch|vsock)|monitor/x86/virtio",
    "control": r"monitor/core/(control\.|changes|endpoint)|monitor/x86/(control|lifecycle|give|live|modules)",
    "console": r"monitor/(core/(console|serial|log)|x86/(guest_pci|guest_port|logkey|stats))",
    "drivers": r"monitor/x86/(uart|apic|time|clock|ioapic|platform|pci)",
    "isolation": r"monitor/x86/|monitor/core/(controls|events|unlisted|exits|lock|wedge)|include/",
    "routines": r"monitor/lib/|monitor/core/(types|machine|text|ring)",
    "tools": r"tools/|cli/|Makefile|bench/",
    "tests": r"tests/|guest/",
}
PROGRAMS = (".c", ".h", ".S", ".inc", ".ld", ".py", ".sh", ".mk")
ROW = re.compile(r"^\| \*\*([\w ]+)\*\* \| ([\d,]+) \|", re.MULTILINE)  # of docs/REUSE.md
OBJECT = re.compile(r"obj/((?:monitor|include)/\S+\.[cS])\.o")


def code_lines(path: Path) -> int:
    """Lines that hold more than blanks and comments (/* */ and //; # in linker scripts is code)."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".c", ".h", ".S", ".inc", ".ld"):
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.DOTALL)
        text = re.sub(r"//[^\n]*", "", text)
    else:
        text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return sum(1 for line in text.splitlines() if line.strip())


def headers(build: Path, sources: list[str]) -> set[str]:
    """The project's own headers that the compiler read for SOURCES, from its dependency files."""
    found: set[str] = set()
    for source in sources:
        words = (build / "obj" / f"{source}.d").read_text().replace("\\\n", " ").split()
        found |= {w for w in words if w.endswith((".h", ".inc")) and w.startswith(("monitor/", "include/"))}
    return found


def monitor_files(build: Path) -> list[str]:
    """Every file of the monitor that is compiled or linked."""
    linked = (build / "mullion.map").read_text().split("Linker script and memory map")[1]
    sources = sorted(set(OBJECT.findall(linked)))
    return sources + sorted(headers(build, sources)) + ["monitor/x86/mullion.ld"]


def other_files() -> list[str]:
    """The programs of the tree that are no part of the monitor."""
    found = [path for top in ("tools", "cli", "tests", "guest", "bench") for path in
             Path(top).rglob("*") if path.suffix in PROGRAMS]
    return ["Makefile", *sorted(path.as_posix() for path in found)]


def by_function(files: list[str]) -> dict[str, int]:
    """Lines for each of FUNCTIONS; a file that is for nothing is an error."""
    lines = {name: 0 for name in FUNCTIONS}
    for file in files:
        name = next(name for name, pattern in FUNCTIONS.items() if re.match(pattern, file))
        lines[name] += code_lines(Path(file))
    return lines


def write_table(path: Path, lines: dict[str, int]) -> None:
    """Correct the lines in the rows of PATH that begin with a function's name in bold."""
    def row(match: re.Match[str]) -> str:
        return f"| **{match[1]}** | {lines.get(match[1], 0):,} |"
    path.write_text(ROW.sub(row, path.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> int:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    files = monitor_files(build)
    by_folder: dict[str, int] = {}
    for name in files:
        folder = str(Path(name).parent)
        by_folder[folder] = by_folder.get(folder, 0) + code_lines(Path(name))
    for folder, lines in sorted(by_folder.items()):
        print(f"{lines:6} {folder}")
    total = sum(by_folder.values())
    verdict = f"{total - BUDGET} over" if total > BUDGET else f"{BUDGET - total} below"
    print(f"{total:6} lines of {len(files)} files, {verdict} the budget of {BUDGET}")
    functions = by_function(files + other_files())
    print(f"\nfor {', '.join(f'{name} {lines}' for name, lines in functions.items())}")
    if len(sys.argv) > 2:
        write_table(Path(sys.argv[2]), functions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
