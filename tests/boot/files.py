# SPDX-License-Identifier: Apache-2.0
# An initramfs with more in it than the tests' own: modules, programs, boot files.

import glob
import json
import os
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "guest"))

from mkinitrd import Newc  # noqa: E402

INITRD = "guests/initrd.img"


def kernel_module(build, kernel, name):
    """The file of a module, uncompressed as Debian 12 has them, of one of guests/."""
    with open(os.path.join(build, "guests", "manifest.json"), encoding="utf-8") as text:
        version = json.load(text)[kernel]["version"]
    found = glob.glob(os.path.join(build, "kernels", version, "**", name), recursive=True)
    assert len(found) == 1, f"{kernel} {version} has {len(found)} files called {name}"
    return found[0]


def initrd_with(build, folder, files):
    """Writes FOLDER/initrd.img: the tests' own and FILES, {path in it: file}; its path in BUILD."""
    archive = Newc()
    known = set()
    for name, path in files.items():
        for parent in parents(name):
            if parent not in known:
                archive.add(parent, stat.S_IFDIR | 0o755)
                known.add(parent)
        with open(path, "rb") as data:
            archive.add(name, stat.S_IFREG | 0o755, data.read())
    with open(os.path.join(build, INITRD), "rb") as first:
        whole = first.read()
    whole += b"\0" * (-len(whole) % 4)  # Linux looks for the next archive at multiples of four
    target = os.path.join(folder, "initrd.img")
    with open(target, "wb") as out:
        out.write(whole + archive.finish())
    return os.path.relpath(target, build)


def parents(name):
    """The directories above a path, outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:i + 1]) for i in range(len(parts))]
