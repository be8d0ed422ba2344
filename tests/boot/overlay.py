# SPDX-License-Identifier: Apache-2.0
# The test guests' initial RAM disk with more files in it: a second archive behind the first.

import gzip
import os
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "guest"))

from mkinitrd import Newc

BASE = "guests/initrd.img"


def write_overlay(build, files, output):
    """OUTPUT is the build's initrd and {path: bytes} of FILES, all executable."""
    archive = Newc()
    folders = {path[:i] for path in files for i, c in enumerate(path) if c == "/"}
    for folder in sorted(folders):
        archive.add(folder, stat.S_IFDIR | 0o755)
    for path, data in files.items():
        archive.add(path, stat.S_IFREG | 0o755, data)
    with open(os.path.join(build, BASE), "rb") as base, open(output, "wb") as out:
        image = base.read()
        out.write(image + bytes(-len(image) % 4) + gzip.compress(archive.finish(), mtime=0))
