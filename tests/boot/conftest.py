# SPDX-License-Identifier: Apache-2.0
# Boot tests: options, the machine that a test starts, and the log's last lines when one fails.

import os
import shutil
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))

from mullion_host.machine import Machine
from rig import Run


def pytest_addoption(parser):
    parser.addoption("--build", default="build", help="the build directory")
    parser.addoption("--image", default=None, help="a monitor other than the build's")


@pytest.fixture(scope="session")
def build(pytestconfig):
    """The build directory, with a copy of the image: make may run beside the tests."""
    path = pytestconfig.getoption("--build")
    os.makedirs(os.path.join(path, "boot"), exist_ok=True)
    image = pytestconfig.getoption("--image") or os.path.join(path, "mullion.elf")
    shutil.copyfile(image, os.path.join(path, "boot", "mullion.elf"))
    return path


@pytest.fixture
def boot(build, request):
    """boot(vms, **options of Machine) is a running machine, ended with the test."""
    runs = request.node.mullion_runs = []

    def start(vms, monitor=False, **options):
        number = f"-{len(runs)}" if runs else ""
        options.setdefault("directory", f"boot/{request.node.name}{number}")
        machine = Machine(build, vms, image="boot/mullion.elf", **options)
        run = Run(machine, monitor)
        runs.append(run)
        return run.__enter__()

    yield start
    for run in runs:
        run.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for run in getattr(item, "mullion_runs", []):
            report.sections.append((f"machine ({run.state()})", run.last_words()))
