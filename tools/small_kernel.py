#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Builds a small Linux under build/guests/ from Debian's source, for slow emulators; installs nothing.

import argparse
import sys

sys.dont_write_bytecode = True

from mullion_host.small_kernel import SmallKernel
from mullion_host.steps import HostError, Steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory (default: build)")
    SmallKernel(parser.parse_args().build).run(Steps(4))


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"small_kernel: {error}")
    except KeyboardInterrupt:
        sys.exit("small_kernel: interrupted; what was fetched already is kept")
