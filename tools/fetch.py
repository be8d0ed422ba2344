#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Fetches QEMU, kernels and busybox under build/ through a private apt; installs nothing.

import argparse
import sys

sys.dont_write_bytecode = True

from mullion_host.packages import KERNELS, Fetcher
from mullion_host.steps import HostError, Steps


def main():
    fetchable = ["qemu", "busybox"] + [f"kernel-{series}" for series in KERNELS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory (default: build)")
    parser.add_argument("what", nargs="+", choices=fetchable, metavar="what",
                        help="one or more of: " + ", ".join(fetchable))
    options = parser.parse_args()
    fetcher = Fetcher(options.build)
    steps = Steps(len(options.what))
    for what in options.what:
        if what.startswith("kernel-"):
            series = what.removeprefix("kernel-")
            steps.run(f"fetch {what}", lambda: fetcher.kernel(series))
        else:
            steps.run(f"fetch {what}", getattr(fetcher, what))


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"fetch: {error}")
    except KeyboardInterrupt:
        sys.exit("fetch: interrupted; what was fetched already is kept")
