# SPDX-License-Identifier: Apache-2.0
# A private apt under build/apt/<name>/: own sources, lists and cache; the system is left as it is.

import glob
import os
import re
import shutil
import subprocess

from .sources import DEBIAN_KEYRING
from .steps import HostError

CONFIG = """\
// Written by tools/fetch.py. A configuration of its own: nothing outside this directory changes.
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "{root}/empty";
Dir::Etc::preferences "{root}/empty/preferences";
Dir::Etc::preferencesparts "{root}/empty";
Dir::State "{root}/state";
Dir::State::lists "{root}/state/lists";
Dir::State::status "{status}";
Dir::State::extended_states "{root}/state/extended_states";
Dir::Cache "{root}/cache";
Dir::Cache::archives "{root}/cache/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "{root}/log";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::Retries "3";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"""


class PrivateApt:
    """apt with the given Sources; installed=True resolves against what the system has, and
    with_sources=True has the source packages, too."""

    def __init__(self, root, sources, installed=False, with_sources=False):
        self.root = os.path.abspath(root)
        if re.search(r'[\s"\[\]]', self.root):
            raise HostError(f"the path {self.root} has a blank, a quote or a bracket, which apt's "
                            "files cannot hold; move the tree")
        for part in ("empty", "state/lists/partial", "cache/archives/partial", "log", "debs"):
            os.makedirs(os.path.join(self.root, part), exist_ok=True)
        status = "/var/lib/dpkg/status" if installed else f"{self.root}/status"
        if not installed:
            open(status, "a", encoding="utf-8").close()
        self.config = f"{self.root}/apt.conf"
        _write(self.config, CONFIG.format(root=self.root, status=status))
        kinds = ("deb", "deb-src") if with_sources else ("deb",)
        _write(f"{self.root}/sources.list",
               "".join(_source_line(kind, source) for kind in kinds for source in sources))
        self.updated = False

    def run(self, *command, cwd=None):
        """Runs an apt program with this configuration and returns what it printed."""
        program, *rest = command
        line = [program, "-c", self.config, "-q", *rest]
        done = subprocess.run(line, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            errors = [e for e in done.stderr.splitlines() if e.startswith("E:")]
            reason = "\n  ".join(errors[:5] or done.stderr.splitlines()[-5:])
            raise HostError(f"{' '.join(line)} failed:\n  {reason}\n"
                            "check the network and the machine's own `apt-get update`; "
                            "what was fetched already is kept")
        return done.stdout

    def update(self):
        """Fetches the package lists, once for each run."""
        if not self.updated:
            self.run("apt-get", "update", "-o", "APT::Update::Error-Mode=any")
            self.updated = True

    def show(self, package):
        """The newest record of a package as a dictionary of its fields."""
        self.update()
        text = self.run("apt-cache", "--no-all-versions", "show", package)
        record = text.split("\n\n", 1)[0]
        return dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", record, re.MULTILINE))

    def download(self, package):
        """Fetches the .deb of one package, without its dependencies; returns its path."""
        self.update()
        debs = os.path.join(self.root, "debs")
        self.run("apt-get", "download", package, cwd=debs)
        found = glob.glob(os.path.join(debs, f"{package}_*.deb"))
        return max(found, key=os.path.getmtime)

    def download_closure(self, package, release=None):
        """Fetches a package with every dependency the system lacks; returns the .deb paths."""
        self.update()
        archives = os.path.join(self.root, "cache", "archives")
        shutil.rmtree(archives)
        os.makedirs(os.path.join(archives, "partial"))
        target = ["-t", release] if release else []
        self.run("apt-get", "install", "-y", "--download-only", "--no-install-recommends",
                 "--reinstall", *target, package)
        return sorted(glob.glob(os.path.join(archives, "*.deb")))


def unpack(deb, where):
    """Unpacks a .deb's files below a directory, which is created."""
    os.makedirs(where, exist_ok=True)
    done = subprocess.run(["dpkg-deb", "-x", deb, where], text=True, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise HostError(f"dpkg-deb -x {deb} failed: {done.stderr.strip()}; "
                        f"delete that file and run this again")


def _source_line(kind, source):
    key = source.signed_by if source.signed_by and source.signed_by.startswith("/") else None
    if key is None and os.path.exists(DEBIAN_KEYRING):
        key = DEBIAN_KEYRING
    options = f"arch=amd64 signed-by={key}" if key else "arch=amd64"
    return f"{kind} [{options}] {source.uri} {source.suite} main\n"


def _write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
