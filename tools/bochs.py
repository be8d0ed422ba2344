#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Builds Bochs with VT-x under build/bochs/ from Debian's source; installs nothing.

import argparse
import sys

sys.dont_write_bytecode = True

from mullion_host.bochs import BochsBuilder
from mullion_host.steps import HostError, Steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory (default: build)")
    BochsBuilder(parser.parse_args().build).run(Steps(4))


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"bochs: {error}")
    except KeyboardInterrupt:
        sys.exit("bochs: interrupted; what was fetched already is kept")
