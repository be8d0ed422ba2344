#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Packs a test guest's initramfs: init, the console device, busybox if wanted; the same bytes each time.

import argparse
import gzip
import os
import stat
import subprocess
import sys

DIRECTORIES = ("bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp")


class Newc:
    """A cpio archive of the `newc` kind (kernel: Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self.parts = []
        self.entries = 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        """One file; data is a link's target or a file's bytes, device the (major, minor)."""
        self.entries += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        encoded = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device it is on, device it is, name size, check
        fields = (self.entries, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts += [_padded(header + encoded), _padded(data)]

    def finish(self):
        """The archive with its trailer."""
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


def applets(busybox):
    """The names that busybox answers to; itself left out."""
    done = subprocess.run([busybox, "--list-full"], check=True, text=True, stdout=subprocess.PIPE)
    names = {os.path.basename(line) for line in done.stdout.split()}
    return sorted(names - {"busybox", "init"})


def pack(init, busybox, programs, modules=()):
    """The archive's bytes; BUSYBOX may be None, PROGRAMS go to /bin under their own names, the
    kernel's MODULES to /modules."""
    archive = Newc()
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | 0o755)
    # The kernel opens this one for init's first three files, before devtmpfs is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("init", stat.S_IFREG | 0o755, _read(init))
    for program in programs + ([busybox] if busybox else []):
        name = os.path.basename(program)
        archive.add(f"bin/{name}", stat.S_IFREG | 0o755, _read(program))
    for name in applets(busybox) if busybox else []:
        archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
    if modules:
        archive.add("modules", stat.S_IFDIR | 0o755)
    for module in modules:
        archive.add(f"modules/{os.path.basename(module)}", stat.S_IFREG | 0o644, _read(module))
    return archive.finish()


def _read(path):
    with open(path, "rb") as data:
        return data.read()


def save(image, output):
    """All of it or nothing at the path OUTPUT."""
    with open(output + ".new", "wb") as out:
        out.write(image)
    os.replace(output + ".new", output)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--init", required=True, help="the static init program")
    parser.add_argument("--busybox", help="the static busybox program")
    parser.add_argument("--program", action="append", default=[], help="another static program")
    parser.add_argument("--module", action="append", default=[],
                        help="a kernel's module, for role afterburn")
    parser.add_argument("--plain", action="store_true",
                        help="not compressed: fewer instructions in the guest")
    parser.add_argument("output", help="the initramfs to write")
    options = parser.parse_args()
    image = pack(options.init, options.busybox, options.program, options.module)
    if not options.plain:
        image = gzip.compress(image, compresslevel=9, mtime=0)
    save(image, options.output)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"mkinitrd: {error}")
