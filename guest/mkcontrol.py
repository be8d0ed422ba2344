#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Packs the initramfs of a service VM with a stock kernel, its modules for sockets, and `mullion`.

import argparse
import gzip
import os
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

from mkinitrd import Newc, pack, save  # noqa: E402
from mknet import add_modules  # noqa: E402

MODULES = ("virtio_pci", "vmw_vsock_virtio_transport")
LOAD = b"""\
#!/bin/sh
while read -r module; do /bin/insmod "/lib/modules/$module"; done </lib/modules/order
: >/tmp/ready
"""


def loader(build):
    """An archive that goes behind another: what init runs first, and what that loads."""
    archive = Newc()
    for name in ("lib", "lib/modules"):
        archive.add(name, stat.S_IFDIR | 0o755)
    add_modules(archive, build, MODULES)
    archive.add("etc/rc", stat.S_IFREG | 0o755, LOAD)
    return archive.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("output", help="the initramfs to write")
    options = parser.parse_args()
    guests = os.path.join(options.build, "guests")
    image = pack(os.path.join(guests, "init"), os.path.join(guests, "busybox"),
                 [os.path.join(options.build, "mullion")])
    image = gzip.compress(image + loader(options.build), compresslevel=9, mtime=0)
    save(image, options.output)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"mkcontrol: {error}")
