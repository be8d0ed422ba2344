#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Builds Linux with the preludes, for `afterburn build-linux`; installs nothing.

import argparse
import os
import sys

sys.dont_write_bytecode = True

from mullion_host.prepared_linux import PreparedLinux
from mullion_host.steps import HostError, Steps

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))


def main():
    parser = argparse.ArgumentParser(
        prog="afterburn build-linux", allow_abbrev=False,  # a slip would start a long build
        description="Fetches Linux as Debian's source package and builds it prepared: vmlinux, its "
                    "modules, configuration and System.map.")
    parser.add_argument("version", help="6.1 or 6.12")
    parser.add_argument("--hardened", action="store_true",
                        help="with mitigations, tracers, KVM and address-space randomization")
    parser.add_argument("--plain", action="store_true", help="without the preludes, to compare")
    parser.add_argument("--output", metavar="DIR",
                        help="for the results (default: BUILD/afterburn/linux-VERSION...)")
    parser.add_argument("--build", default=os.path.join(TREE, "build"),
                        help="for what is fetched and built (default: %(default)s)")
    asked = parser.parse_args()
    PreparedLinux(asked.build, asked.version, asked.hardened, asked.plain,
                  asked.output).run(Steps(6))


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        print(f"afterburn: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("afterburn: interrupted; what was fetched already is kept")
