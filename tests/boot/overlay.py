# SPDX-License-Identifier: Apache-2.0
# The test guests' initial RAM disk with more files in it: a second archive behind the first.

import gzip
import json
import os
import stat
import subprocess
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


def read_file(path):
    """A file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def guest_package(build):
    """What the manifest says of the stock kernel: its release, and the .deb it came from."""
    return json.loads(read_file(os.path.join(build, "guests", "manifest.json")))["vmlinuz-6.1"]


def kernel_module(build, path):
    """The bytes of one of the stock kernel's modules, e.g. `fs/efivarfs/efivarfs.ko`."""
    entry = guest_package(build)
    name = f"./lib/modules/{entry['release']}/kernel/{path}"
    package = subprocess.run(["dpkg-deb", "--fsys-tarfile", os.path.join(build, entry["deb"])],
                             check=True, stdout=subprocess.PIPE).stdout
    return subprocess.run(["tar", "-xO", name], input=package, check=True,
                          stdout=subprocess.PIPE).stdout
