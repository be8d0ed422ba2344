# SPDX-License-Identifier: Apache-2.0
# The service VM's Debian on a disk image, made by mmdebstrap from the machine's own apt sources.
# Kept under build/service/ and made anew only if what it is made from has changed.

import fcntl
import hashlib
import io
import os
import re
import subprocess
import tarfile
import tempfile

from . import sources
from .steps import HostError

HERE = os.path.join(os.path.dirname(__file__), "..", "..", "guest", "service")
DISK_SIZE = "2G"  # of the file system; what is empty in it takes no room
# Left out: what nobody reads at this console, and drivers of screens, sound and radio.
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*",
            "/usr/share/lintian/*"]
DRIVERS_OUT = ["drivers/gpu", "drivers/media", "drivers/net/wireless", "drivers/iio",
               "drivers/infiniband", "drivers/staging", "drivers/bluetooth", "sound",
               "net/mac80211", "net/wireless", "net/bluetooth"]
# mmdebstrap's next words, and how far it is then.
MILESTONES = re.compile(r"I: (downloading|extracting|installing|creating)[^.]*")


class ServiceDisk:
    """build/service/: disk.img, and out of it vmlinuz, initrd.img and id_ed25519.pub."""

    FILES = {"vmlinuz": "/vmlinuz", "initrd.img": "/initrd.img",
             "id_ed25519": "/root/.ssh/id_ed25519", "id_ed25519.pub": "/root/.ssh/id_ed25519.pub"}

    def __init__(self, build, say=None):
        self.folder = os.path.join(os.path.abspath(build), "service")
        self.say = say or (lambda text: None)
        os.makedirs(os.path.join(self.folder, "debs"), exist_ok=True)

    def path(self, name):
        """A file of the folder."""
        return os.path.join(self.folder, name)

    def make(self):
        """A step: the disk, made or here already."""
        with open(self.path(".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp = self._inputs()
            if _read(self.path("stamp")) == stamp:
                return f"Debian {sources.codename()}, here already", self._size()
            with tempfile.TemporaryDirectory(dir=self.folder) as room:
                self._bootstrap(room)
                self._filesystem(room)
                self._take_out(room)
                for name in ["disk.img", *self.FILES]:
                    os.replace(os.path.join(room, name), self.path(name))
            with open(self.path("stamp"), "w", encoding="ascii") as out:
                out.write(stamp)
            return f"Debian {sources.codename()}", self._size()

    def _size(self):
        return os.stat(self.path("disk.img")).st_blocks * 512

    def _inputs(self):
        """A digest of all that decides what the disk holds, but the mirror's state."""
        digest = hashlib.sha256("\n".join([*self._lines(), *self._options(), DISK_SIZE]).encode())
        digest.update(self._files())
        for name in ("setup.sh", "filesystem.sh"):
            digest.update(_read(os.path.join(HERE, name)).encode())
        return digest.hexdigest()

    def _lines(self):
        """The sources of the new system: the machine's own for its release."""
        release = sources.codename()
        everything = sources.read_all()
        found = [sources.debian(everything, release)]
        found += filter(None, (sources.pick(everything, f"{release}-{more}")
                               for more in ("security", "updates")))
        key = f" [signed-by={sources.DEBIAN_KEYRING}]" if os.path.exists(
            sources.DEBIAN_KEYRING) else ""
        return [f"deb{key} {source.uri} {source.suite} main" for source in found]

    def _options(self):
        excluded = LEFT_OUT + [f"{root}/lib/modules/*/kernel/{path}/*" for path in DRIVERS_OUT
                               for root in ("", "/usr")]
        packages = [line for line in _read(os.path.join(HERE, "packages")).splitlines()
                    if not line.startswith("#")]
        return ["--variant=minbase", "--architectures=amd64", f"--include={','.join(packages)}",
                *(f"--dpkgopt=path-exclude={path}" for path in excluded)]

    def _files(self):
        """guest/service/files as a tar archive, all of it root's; the same bytes each time."""
        root, data = os.path.join(HERE, "files"), io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for where, folders, names in os.walk(root):
                folders.sort()
                for name in sorted(names):
                    path = os.path.join(where, name)
                    member = tarfile.TarInfo(os.path.relpath(path, root))
                    member.size, member.mode = os.path.getsize(path), 0o644
                    with open(path, "rb") as file:
                        archive.addfile(member, file)
        return data.getvalue()

    def _bootstrap(self, room):
        """mmdebstrap: the system as a tar archive. It reads the archive's keys, and no other
        configuration of this machine's apt; without root it works in a user namespace."""
        files, debs = os.path.join(room, "files.tar"), self.path("debs")
        with open(files, "wb") as out:
            out.write(self._files())
        kept = "/var/cache/apt/archives"
        command = ["mmdebstrap", *self._options(), f"--mode={_mode()}",
                   "--skip=download/empty,essential/unlink",
                   f'--setup-hook=mkdir -p "$1{kept}"', f"--setup-hook=sync-in {debs} {kept}",
                   f"--customize-hook=sync-out {kept} {debs}",
                   f"--customize-hook=tar-in {files} /",
                   f"--customize-hook=copy-in {os.path.join(HERE, 'setup.sh')} /root",
                   '--customize-hook=chroot "$1" sh -e /root/setup.sh',
                   '--customize-hook=rm "$1/root/setup.sh"',
                   sources.codename(), os.path.join(room, "root.tar"), *self._lines()]
        log = self.path("mmdebstrap.log")
        with open(log, "w", encoding="utf-8") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, errors="replace",
                                       env={**os.environ, **_proxies(), "LC_ALL": "C"})
            for line in process.stdout:
                out.write(line)
                said = MILESTONES.match(line)
                if said:
                    self.say(said[0].removeprefix("I: "))
        if process.wait() != 0:
            raise HostError(f"mmdebstrap failed; the end of {log}:\n  "
                            + "\n  ".join(_read(log).splitlines()[-8:])
                            + "\ncheck the network and the machine's own `apt-get update`; "
                            "what was fetched already is kept")

    def _filesystem(self, room):
        """The archive as an ext4 file system."""
        self.say("making the file system")
        command = ["sh", "-c", _read(os.path.join(HERE, "filesystem.sh")), "sh", DISK_SIZE]
        if _mode() == "unshare":
            command = ["mmdebstrap", "--unshare-helper", *command]
        with open(os.path.join(room, "root.tar"), "rb") as tar, \
                subprocess.Popen(command, stdin=tar, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) as process:
            _write_sparse(process.stdout, os.path.join(room, "disk.img"))
            errors = process.stderr.read().decode("utf-8", "replace")
        if process.returncode != 0:
            raise HostError(f"no file system of the service VM's disk: {errors.strip()}; is there "
                            "room in the folder for temporary files (TMPDIR)?")

    def _take_out(self, room):
        """Copies the files that are needed outside of the disk."""
        image = os.path.join(room, "disk.img")
        for name, inside in self.FILES.items():
            target = os.path.join(room, name)
            link = _debugfs(image, f"stat {inside}")
            points = re.search(r'Fast link dest: "([^"]+)"', link)
            if points:
                inside = os.path.normpath(os.path.join(os.path.dirname(inside), points[1]))
            _debugfs(image, f"dump {inside} {target}")
            if not os.path.exists(target) or os.path.getsize(target) == 0:
                raise HostError(f"the new disk has no {inside}; see {self.path('mmdebstrap.log')}")
        os.chmod(os.path.join(room, "id_ed25519"), 0o600)


def _mode():
    return "root" if os.geteuid() == 0 else "unshare"


def _proxies():
    """The proxies of the machine's apt, as environment variables."""
    found = {}
    for scheme in ("http", "https"):
        done = subprocess.run(["apt-config", "shell", "proxy", f"Acquire::{scheme}::Proxy"],
                              text=True, stdout=subprocess.PIPE, check=False)
        value = re.match(r"proxy='(.+)'", done.stdout)
        if value:
            found[f"{scheme}_proxy"] = value[1]
    return found


def _write_sparse(pipe, path):
    """Copies a pipe into a file; pieces of zeros are left as holes."""
    with open(path, "wb") as out:
        while piece := pipe.read(1 << 16):
            if piece.strip(b"\0"):
                out.write(piece)
            else:
                out.seek(len(piece), os.SEEK_CUR)
        out.truncate()


def _debugfs(image, command):
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(["debugfs", "-R", command, image], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, env={**os.environ, "PATH": path})
    return done.stdout


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except FileNotFoundError:
        return ""
