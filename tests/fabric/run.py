#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Runs pytest on this folder, or on the files that are named; the last line says how many tests passed and failed.

import os
import sys

import pytest

sys.dont_write_bytecode = True


class Count:
    """Counts tests as pytest reports them; a test that could not be set up has failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def pytest_runtest_logreport(self, report):
        """pytest's own name for this."""
        self.passed += report.when == "call" and report.passed
        self.failed += report.failed

    def pytest_collectreport(self, report):
        """The same for a file that could not be read."""
        self.failed += report.failed


def main():
    count = Count()
    build = os.environ.get("BUILD", "build")
    where = [] if any(map(os.path.exists, sys.argv[1:])) else [os.path.dirname(__file__)]
    status = pytest.main(["-qq", "-p", "no:cacheprovider", *where,
                          f"--build={build}", *sys.argv[1:]], plugins=[count])
    print(f"{count.passed} passed, {count.failed} failed")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
