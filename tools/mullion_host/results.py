# SPDX-License-Identifier: Apache-2.0
# What the last run of the tests left under build/results: each test's outcome and its figures.
#
# A test's id is "tests/boot/test_smoke.py::test_smoke", "unit:test_config" (a C program of
# tests/unit), "fuzz:kernel" (a target of tests/fuzz) or "part:lint" (a part of `make check`). A test
# that `make check-vmx` runs in Bochs, and another part in QEMU, has "bochs:" before its name there.

import ast
import json
import xml.etree.ElementTree as xml
from typing import NamedTuple

BOCHS = "bochs:"
TESTED = ("tests/boot", "tests/attack", "tests/fabric", "tests/unit")


class Outcome(NamedTuple):
    """How a test ended: passed, failed or skipped; its figures; how many tests it is itself."""
    how: str
    seen: list
    count: int = 1


def _junit_id(root, case):
    """pytest's own name of a test case; its report has dots for slashes."""
    words = case.get("classname", "").split(".")
    for count in range(len(words), 0, -1):
        path = "/".join(words[:count]) + ".py"
        if (root / path).is_file():
            return "::".join([path, *words[count:], case.get("name", "")])
    return None


def _junit_outcome(case):
    bad = case.find("failure") is not None or case.find("error") is not None
    how = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
    seen = [p.get("value") for p in case.iter("property") if p.get("name") == "seen"]
    return Outcome(how, seen)


def _read_json(path):
    if not path.exists():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def read(root, folder):
    """{id: Outcome} of all that ran; ROOT is the tree, FOLDER is build/results."""
    outcomes = {}
    for report in sorted(folder.glob("*.xml")):
        for case in xml.parse(report).iter("testcase"):
            name = _junit_id(root, case)
            if name and report.name.startswith("check-vmx") and not name.startswith("tests/vmx/"):
                name = BOCHS + name
            if name:
                outcomes[name] = _junit_outcome(case)
    for kind in ("unit", "fuzz"):
        for name, result in _read_json(folder / f"{kind}.json").items():
            how = "passed" if result["passed"] else "failed"
            outcomes[f"{kind}:{name}"] = Outcome(how, result["seen"], result.get("tests", 1))
    for name, part in _read_json(folder / "run.json").get("parts", {}).items():
        how = "passed" if part["passed"] and not part["failed"] else "failed"
        said = [part["said"]] if part["said"] else []
        outcomes[f"part:{name}"] = Outcome(how, said, part["passed"])
    return outcomes


def _functions(path):
    """The tests in a file, as pytest names them behind the file's name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{member.name}" for member in node.body
                        if isinstance(member, ast.FunctionDef) and member.name.startswith("test_"))


def existing(root, parts):
    """The ids of all tests in the tree, run or not; PARTS are those of `make check-all`."""
    found = {f"part:{part}" for part in parts}
    for folder in sorted(path for path in (root / "tests").iterdir() if path.is_dir()):
        where = folder.relative_to(root).as_posix()
        for script in folder.glob("*.py"):
            found |= {f"{where}/{script.name}::{name}" for name in _functions(script)}
    found |= {f"unit:{source.stem}" for source in root.glob("tests/unit/test_*.c")}
    found |= {f"fuzz:{source.stem.removeprefix('fuzz_')}"
              for source in root.glob("tests/fuzz/fuzz_*.c")
              if "LLVMFuzzerTestOneInput" in source.read_text(encoding="utf-8")}
    return found


def named_by(name, test):
    """Does a claim's NAME mean TEST? It may be a whole file, and a test with all its parameters."""
    return test == name or test.startswith((f"{name}::", f"{name}["))


def known(name, tests):
    """Is there a test that a claim's NAME means? TESTS are without parameters, as the tree has them."""
    bare = name.removeprefix(BOCHS).split("[")[0]
    return any(named_by(bare, test) for test in tests)


def unclaimed(tests, names):
    """Tests of the folders TESTED that no claim names."""
    wanted = (test for test in tests
              if test.startswith(("unit:", *(f"{folder}/" for folder in TESTED))))
    bare = {name.split("[")[0] for name in names}
    return sorted(test for test in wanted if not any(named_by(name, test) for name in bare))
