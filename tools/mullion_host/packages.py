# SPDX-License-Identifier: Apache-2.0
# What is fetched and what becomes of it: kernels, busybox, QEMU. Each has a stamp: nothing twice.

import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile

from . import sources
from .apt import PrivateApt, unpack
from .steps import HostError, human_size, tree_size

KERNELS = {"6.1": "bookworm", "6.12": "trixie"}  # kernel series -> the Debian release that ships it
KERNEL_META = "linux-image-cloud-amd64"
QEMU_NEEDED = 9  # the first major version whose TCG has an x2APIC

WRAPPER = """\
#!/bin/sh
# Written by tools/fetch.py: runs the QEMU unpacked beside this file, which is installed nowhere.
here=$(dirname "$(readlink -f "$0")")
root=$here/qemu
libraries={libraries}
LD_LIBRARY_PATH=$libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
export LD_LIBRARY_PATH
{modules}exec "$root/usr/bin/qemu-system-x86_64" {data} "$@"
"""

SYSTEM_WRAPPER = """\
#!/bin/sh
# Written by tools/fetch.py: the system's own QEMU {version} is new enough.
exec {program} "$@"
"""


def _in_turn(fetch):
    """make -j may start several of us: one fetches, the others wait and find it here."""
    @functools.wraps(fetch)
    def locked(self, *arguments):
        with open(os.path.join(self.build, ".fetch-lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return fetch(self, *arguments)
    return locked


class Fetcher:
    """Brings the parts under one build directory."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.guests = os.path.join(self.build, "guests")
        self.host = os.path.join(self.build, "host")
        os.makedirs(self.guests, exist_ok=True)
        os.makedirs(self.host, exist_ok=True)

    def _apt(self, name, suites, installed=False):
        """A private apt for these suites of the machine's own Debian source."""
        release = sources.codename()
        everything = sources.read_all()
        base = sources.debian(everything, release)
        wanted = [base._replace(suite=suite) for suite in suites]
        security = sources.pick(everything, f"{release}-security")
        if installed and security:
            wanted.append(security)  # what is installed may come from there, and pin versions
        return PrivateApt(os.path.join(self.build, "apt", name), wanted, installed)

    @_in_turn
    def kernel(self, series):
        """build/guests/vmlinuz-<series>, its .sha256 and its entry in manifest.json."""
        if series not in KERNELS:
            raise HostError(f"no release is known for kernel {series}; known: {', '.join(KERNELS)}")
        target = os.path.join(self.guests, f"vmlinuz-{series}")
        entry = self.manifest().get(f"vmlinuz-{series}")
        if entry and os.path.exists(target) and _sha256_file(target) == entry["sha256"]:
            return f"{entry['package']} {entry['version']}, here already", os.path.getsize(target)
        suite = KERNELS[series]
        apt = self._apt(suite, [suite])
        package = _real_kernel(apt.show(KERNEL_META), series)
        record = apt.show(package)
        deb = apt.download(package)
        unpack(deb, os.path.join(self.build, "kernels", record["Version"]))
        release = package.removeprefix("linux-image-")
        with open(target + ".new", "wb") as out:
            out.write(read_bzimage(deb))
        os.replace(target + ".new", target)
        digest = _sha256_file(target)
        with open(target + ".sha256", "w", encoding="ascii") as out:
            out.write(f"{digest}  vmlinuz-{series}\n")
        self.record(f"vmlinuz-{series}", package=package, version=record["Version"],
                     suite=suite, release=release, sha256=digest,
                     deb=os.path.relpath(deb, self.build))
        return f"{package} {record['Version']}", os.path.getsize(deb)

    @_in_turn
    def busybox(self):
        """build/guests/busybox, the static one of the machine's own release."""
        target = os.path.join(self.guests, "busybox")
        entry = self.manifest().get("busybox")
        if entry and os.path.exists(target):
            return f"busybox-static {entry['version']}, here already", os.path.getsize(target)
        suite = sources.codename()
        apt = self._apt(suite, [suite])
        version = apt.show("busybox-static")["Version"]
        deb = apt.download("busybox-static")
        where = os.path.join(self.build, "kernels", "busybox")
        unpack(deb, where)
        found = [p for p in ("bin/busybox", "usr/bin/busybox")
                 if os.path.exists(os.path.join(where, p))]
        if not found:
            raise HostError(f"{deb} has no busybox program in it; delete it and run this again")
        shutil.copyfile(os.path.join(where, found[0]), target)
        os.chmod(target, 0o755)
        shutil.rmtree(where)
        self.record("busybox", package="busybox-static", version=version, suite=suite)
        return f"busybox-static {version}", os.path.getsize(deb)

    @_in_turn
    def unpacked(self, package, suite=None):
        """(directory, version) of one package of a release, by default the machine's own, without
        what it depends on, unpacked under build/peers/. A meta package stands for the first that
        it names."""
        suite = suite or sources.codename()
        known = self.manifest().get(package)
        if known and os.path.isdir(os.path.join(self.build, known["path"])):
            return os.path.join(self.build, known["path"]), known["version"]
        apt = self._apt(suite, [suite])
        real = package
        if package.startswith("linux-image-"):
            real = re.match(r"\S+", apt.show(package)["Depends"]).group(0)
        version = apt.show(real)["Version"]
        where = os.path.join("peers", package)
        unpack(apt.download(real), os.path.join(self.build, where))
        self.record(package, package=real, version=version, suite=suite, path=where)
        return os.path.join(self.build, where), version

    @_in_turn
    def unpacked_whole(self, package):
        """The same with everything it depends on that the system lacks."""
        suite = sources.codename()
        where = os.path.join("peers", f"{package}-whole")
        known = self.manifest().get(where)
        if not known or not os.path.isdir(os.path.join(self.build, where)):
            apt = self._apt(f"{suite}-installed", [suite], installed=True)
            for deb in apt.download_closure(package):
                unpack(deb, os.path.join(self.build, where))
            known = {"package": package, "version": apt.show(package)["Version"], "suite": suite}
            self.record(where, **known)
        return os.path.join(self.build, where), known["version"]

    @_in_turn
    def qemu(self):
        """build/host/qemu-system-x86_64: a wrapper of the system's QEMU, or of one unpacked."""
        wrapper = os.path.join(self.host, "qemu-system-x86_64")
        if os.path.exists(wrapper):
            version = qemu_version(wrapper)
            if version and version[0] >= QEMU_NEEDED:
                return f"QEMU {version[1]}, here already", None
        system = shutil.which("qemu-system-x86_64")
        if system and os.path.dirname(os.path.realpath(system)) == os.path.realpath(self.host):
            system = None  # our own wrapper, by way of PATH
        version = qemu_version(system) if system else None
        if version and version[0] >= QEMU_NEEDED:
            _write_program(wrapper, SYSTEM_WRAPPER.format(version=version[1], program=system))
            return f"the system's QEMU {version[1]}", None
        return self._unpack_qemu(wrapper)

    def _unpack_qemu(self, wrapper):
        release = sources.codename()
        suites, target = [release, f"{release}-updates"], None
        if release == "bookworm":  # Debian 12 itself has QEMU 7.2
            target = f"{release}-backports"
            suites.append(target)
        apt = self._apt("qemu", suites, installed=True)
        debs = apt.download_closure("qemu-system-x86", target)
        root = os.path.join(self.host, "qemu")
        shutil.rmtree(root, ignore_errors=True)
        for deb in debs:
            unpack(deb, root)
        _write_program(wrapper, WRAPPER.format(**_wrapper_parts(root)))
        version = qemu_version(wrapper)
        if not version or version[0] < QEMU_NEEDED:
            raise HostError(f"the QEMU of {target or release} does not start or is older than "
                            f"{QEMU_NEEDED}.0: {_first_error(wrapper)}; install QEMU "
                            f"{QEMU_NEEDED} or newer as qemu-system-x86_64 and run this again")
        size = sum(map(os.path.getsize, debs))
        unpacked = human_size(tree_size(root))
        return f"QEMU {version[1]}, {len(debs)} packages, {unpacked} unpacked", size

    def manifest(self):
        """What is known of each guest file: package, version, suite, sha256."""
        path = os.path.join(self.guests, "manifest.json")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as text:
            return json.load(text)

    def record(self, name, **fields):
        """Notes what is known of a guest file."""
        everything = {**self.manifest(), name: fields}
        path = os.path.join(self.guests, "manifest.json")
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump(everything, out, indent=2, sort_keys=True)
            out.write("\n")
        os.replace(path + ".new", path)


def read_bzimage(deb):
    """The bytes of /boot/vmlinuz-* as the .deb carries them."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as pipe:
        with tarfile.open(fileobj=pipe.stdout, mode="r|") as archive:
            for member in archive:
                if re.fullmatch(r"\./boot/vmlinuz-\S+", member.name) and member.isfile():
                    image = archive.extractfile(member).read()
                    pipe.kill()
                    return image
    raise HostError(f"{deb} has no /boot/vmlinuz-*; delete it and run this again")


def qemu_version(program):
    """(major, text) of a QEMU program, or None if it does not start."""
    try:
        done = subprocess.run([program, "--version"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"version (\d+)(\.[\d.]+)", done.stdout)
    return (int(match.group(1)), match.group(1) + match.group(2)) if match else None


def _first_error(program):
    done = subprocess.run([program, "--version"], text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    return (done.stderr.strip().splitlines() or ["no message"])[0]


def _real_kernel(meta, series):
    """The package that the meta package stands for, e.g. linux-image-6.1.0-1-cloud-amd64."""
    match = re.search(r"linux-image-[0-9][a-z0-9.+-]*", meta.get("Depends", ""))
    if not match or not match.group(0).startswith(f"linux-image-{series}."):
        raise HostError(f"{KERNEL_META} depends on `{meta.get('Depends', '')}`, not on a "
                        f"{series} kernel; the release has moved on, correct KERNELS in this tool")
    return match.group(0)


def _wrapper_parts(root):
    """Directories of libraries, of QEMU's modules and of its data, relative to the tree."""
    libraries, modules = [], ""
    for where, _, names in os.walk(os.path.join(root)):
        inside = os.path.relpath(where, root)
        if not re.match(r"(usr/)?lib(/|$)", inside) or not any(".so" in n for n in names):
            continue
        if os.path.basename(inside) == "qemu":
            modules = f'QEMU_MODULE_DIR=$root/{inside}\nexport QEMU_MODULE_DIR\n'
        elif re.fullmatch(r"(usr/)?lib/x86_64-linux-gnu(/\w+)?", inside):
            libraries.append(f"$root/{inside}")
    data = [f'-L "$root/usr/share/{name}"' for name in ("qemu", "seabios")
            if os.path.isdir(os.path.join(root, "usr/share", name))]
    data += [f"-L /usr/share/{name}" for name in ("qemu", "seabios")
             if os.path.isdir(f"/usr/share/{name}")]
    return {"libraries": ":".join(sorted(libraries)), "modules": modules, "data": " ".join(data)}


def _write_program(path, text):
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path + ".new", 0o755)
    os.replace(path + ".new", path)


def _sha256_file(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()
