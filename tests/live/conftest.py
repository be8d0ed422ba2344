# SPDX-License-Identifier: Apache-2.0
# Options and fixtures of the boot tests, what tests/fabric has for a Debian service VM, and one machine for all.

import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("bench", "tests/boot", "tests/fabric", "tools"):
    sys.path.insert(0, os.path.join(HERE, "..", "..", folder))

_specification = importlib.util.spec_from_file_location(
    "boot_conftest", os.path.join(HERE, "..", "boot", "conftest.py"))
_boot = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(_boot)
pytest_addoption = _boot.pytest_addoption
pytest_runtest_makereport = _boot.pytest_runtest_makereport
build = _boot.build
boot = _boot.boot


@pytest.fixture(scope="session")
def machine(build):
    """The machine that all tests of this folder share."""
    from live_rig import start_live
    runs = []
    try:
        yield start_live(build, runs)
    finally:
        for run in runs:
            run.end()


@pytest.fixture(autouse=True)
def afterwards(machine):
    """After each test: no controls, and no kernel has more to complain of than at its boot."""
    from live_rig import complaints, quiet
    before = complaints(machine)
    yield
    quiet(machine)
    assert complaints(machine) == before
