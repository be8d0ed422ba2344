#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Builds memtest86+ from Debian's source, as it is and prepared for a wedge; installs nothing.

import argparse
import sys

sys.dont_write_bytecode = True

from mullion_host.memtest import MemtestBuilder
from mullion_host.steps import HostError, Steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory (default: build)")
    MemtestBuilder(parser.parse_args().build).run(Steps(3))


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"memtest: {error}")
    except KeyboardInterrupt:
        sys.exit("memtest: interrupted; what was fetched already is kept")
