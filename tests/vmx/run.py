#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of VT-x in Bochs: this folder's, and those of hostile guests;
# the last line says how many passed and failed. Further words go to pytest.

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ATTACK = os.path.join(HERE, "..", "attack")
sys.path.insert(0, os.path.join(HERE, "..", "fabric"))

import pytest
from run import Count


def main():
    count, build = Count(), os.path.abspath(os.environ.get("BUILD", "build"))
    os.environ.update(MULLION_MACHINE="bochs", MULLION_BUILD=build, MULLION_RUN="run-vmx")
    tests = sys.argv[1:] or [HERE, ATTACK]
    status = pytest.main(["-qq", "-p", "no:cacheprovider", *tests], plugins=[count])
    print(f"{count.passed} passed, {count.failed} failed")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
