#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Runs this folder's tests; the last line says how many passed and failed. Further words go to pytest.

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "fabric")]

import pytest
from run import Count


def main():
    count = Count()
    os.environ["MULLION_BUILD"] = os.path.abspath(os.environ.get("BUILD", "build"))
    where = [] if any(map(os.path.exists, sys.argv[1:])) else [HERE]
    status = pytest.main(["-qq", "-p", "no:cacheprovider", *where, *sys.argv[1:]], plugins=[count])
    print(f"{count.passed} passed, {count.failed} failed")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
