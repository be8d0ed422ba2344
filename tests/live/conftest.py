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

from live_rig import start_live  # noqa: E402


@pytest.fixture(scope="session")
def live(build):
    """The machine of live_rig.py, started once for all files that use it."""
    runs = []
    try:
        yield start_live(build, runs)
    finally:
        for run in runs:
            run.end()
