#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Packs the initramfs of VMs with a network: the test guests' own, and stock programs and modules.

import argparse
import gzip
import json
import os
import re
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

from mkinitrd import Newc, applets, save  # noqa: E402
from mullion_host.packages import Fetcher  # noqa: E402
from mullion_host.steps import HostError  # noqa: E402

PROGRAMS = {"dropbear-bin": "usr/sbin/dropbear", "mdadm": "sbin/mdadm",
            "nbd-client": "sbin/nbd-client", "nbd-server": "bin/nbd-server",
            "socat": "usr/bin/socat1"}
NAMES = {"socat1": "socat"}
MODULES = ("virtio_pci", "virtio_net", "vmw_vsock_virtio_transport", "nfsv4", "nbd", "raid1", "ext4",
           "af_packet", "crc32c_generic", "libcrc32c", "virtio_mem")
DIRECTORIES = ("bin", "dev", "etc", "etc/dropbear", "lib", "lib64", "lib/modules", "mnt", "proc",
               "root", "root/.ssh", "sbin", "sys", "tmp", "var", "var/run", "var/log", "usr",
               "usr/lib", "usr/bin")
PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"


def read(path):
    """A file's bytes."""
    with open(path, "rb") as data:
        return data.read()


def dependencies(module):
    """The names of the modules that this one says it needs."""
    found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + read(module))
    return [name for name in (found[1].decode() if found else "").split(",") if name]


def modules(build, series, wanted):
    """Paths of WANTED and what they need, in the order of loading; those built in are left out."""
    with open(os.path.join(build, "guests/manifest.json"), encoding="utf-8") as manifest:
        version = json.load(manifest)[f"vmlinuz-{series}"]["version"]
    files = {}
    for folder, _, names in os.walk(os.path.join(build, "kernels", version)):
        files.update({name[:-3].replace("-", "_"): os.path.join(folder, name)
                      for name in names if name.endswith(".ko")})
    order = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path and path not in order:
            for needed in dependencies(path):
                add(needed)
            order.append(path)

    for name in wanted:
        add(name)
    return order


def add_modules(archive, build, wanted):
    """The stock kernel's modules WANTED, what they need, and in which order they are loaded."""
    order = modules(build, "6.1", wanted)
    for path in order:
        archive.add(f"lib/modules/{os.path.basename(path)}", stat.S_IFREG | 0o644, read(path))
    names = "".join(os.path.basename(path) + "\n" for path in order)
    archive.add("lib/modules/order", stat.S_IFREG | 0o644, names.encode())


def linked(folder, file):
    """What ldd says of a program, a line for each library; FOLDER has those that the system lacks."""
    own = [os.path.join(folder, top, "lib/x86_64-linux-gnu") for top in ("", "usr")]
    done = subprocess.run(["ldd", file], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "LD_LIBRARY_PATH": ":".join(own)})
    return done.stdout.splitlines()


def program(fetcher, package, inside):
    """The program's file, and those of the libraries that it is linked with. Most need no more than is
    here, though their packages name more: mdadm's a whole systemd."""
    for unpacked in (fetcher.unpacked, fetcher.unpacked_whole):
        folder, _ = unpacked(package)
        file = next((os.path.join(folder, path) for path in (inside, f"usr/{inside}", inside[:-1])
                     if os.path.exists(os.path.join(folder, path))), None)
        if file is None:
            raise HostError(f"package {package} has no {inside}")
        lines = linked(folder, file)
        missing = [line.split()[0] for line in lines if "not found" in line]
        if not missing:
            return file, re.findall(r"(/\S+) \(0x", "\n".join(lines))
    raise HostError(f"{inside} lacks {' '.join(missing)}")


def pack(build, key):
    """The archive's bytes."""
    fetcher = Fetcher(build)
    guests = os.path.join(build, "guests")
    archive = Newc()
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("init", stat.S_IFREG | 0o755, read(os.path.join(guests, "init")))
    busybox = os.path.join(guests, "busybox")
    archive.add("bin/busybox", stat.S_IFREG | 0o755, read(busybox))
    for name in applets(busybox):
        archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
    libraries = set()
    for package, inside in PROGRAMS.items():
        file, needed = program(fetcher, package, inside)
        name = os.path.basename(inside)
        archive.add(f"sbin/{NAMES.get(name, name)}", stat.S_IFREG | 0o755, read(file))
        libraries |= set(needed)
    for library in sorted(libraries):
        folder = "lib64" if os.path.basename(library).startswith("ld-") else "lib"
        archive.add(f"{folder}/{os.path.basename(library)}", stat.S_IFREG | 0o755, read(library))
    add_modules(archive, build, MODULES)
    for name in ("rc", "serve", "udhcpc"):
        archive.add(f"etc/{name}", stat.S_IFREG | 0o755, read(os.path.join(HERE, "net", name)))
    archive.add("etc/passwd", stat.S_IFREG | 0o644, PASSWD)
    archive.add("root/.ssh/authorized_keys", stat.S_IFREG | 0o600, read(key))
    return archive.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--key", required=True, help="the public key of who may log in by ssh")
    parser.add_argument("output", help="the initramfs to write")
    options = parser.parse_args()
    image = gzip.compress(pack(options.build, options.key), compresslevel=6, mtime=0)
    save(image, options.output)


if __name__ == "__main__":
    try:
        main()
    except (OSError, HostError, subprocess.CalledProcessError) as error:
        sys.exit(f"mknet: {error}")
