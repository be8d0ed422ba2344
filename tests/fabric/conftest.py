# SPDX-License-Identifier: Apache-2.0
# The boot tests' options and fixtures, for the tests of this folder, too.

import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("bench", "tests/boot", "tools"):
    sys.path.insert(0, os.path.join(HERE, "..", "..", folder))

from fabric_rig import start_fabric


def _load(path):
    specification = importlib.util.spec_from_file_location("boot_conftest", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


_boot = _load(os.path.join(HERE, "..", "boot", "conftest.py"))
pytest_addoption = _boot.pytest_addoption
pytest_runtest_makereport = _boot.pytest_runtest_makereport
build = _boot.build
boot = _boot.boot


@pytest.fixture(scope="session")
def fabric(build):
    """The machine that several files share: see fabric_rig."""
    runs = []
    try:
        yield start_fabric(build, runs)
    finally:
        for run in runs:
            run.end()


def pytest_collection_modifyitems(items):
    """Last the tests of the shared machine: it runs until the end."""
    items.sort(key=lambda item: "fabric" in item.fixturenames)
