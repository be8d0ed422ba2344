#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Makes the service VM's disk under build/service/, an ordinary Debian; installs nothing.

import argparse
import sys

sys.dont_write_bytecode = True

from mullion_host.disk import ServiceDisk
from mullion_host.steps import HostError, Steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory (default: build)")
    options = parser.parse_args()
    steps = Steps(1)
    steps.run("make the service's disk", ServiceDisk(options.build, steps.note).make)


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"disk: {error}")
    except KeyboardInterrupt:
        sys.exit("disk: interrupted; what was fetched already is kept")
