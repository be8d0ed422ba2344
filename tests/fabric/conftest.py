# SPDX-License-Identifier: Apache-2.0
# The boot tests' options and fixtures, for the tests of this folder, too.

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("bench", "tests/boot", "tools"):
    sys.path.insert(0, os.path.join(HERE, "..", "..", folder))


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
