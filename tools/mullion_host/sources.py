# SPDX-License-Identifier: Apache-2.0
# Reads the machine's own apt sources: where does *this* machine get Debian from?

import glob
import os
import re
from collections import namedtuple

from .steps import HostError

# One (URI, suite) pair with its components and keyring (None: apt's default keys).
Source = namedtuple("Source", "uri suite components signed_by")

DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def codename(os_release="/etc/os-release"):
    """The release's code name (bookworm, trixie)."""
    fields = {}
    with open(os_release, encoding="utf-8") as text:
        for line in text:
            key, _, value = line.strip().partition("=")
            fields[key] = value.strip('"')
    if fields.get("ID") != "debian" or "VERSION_CODENAME" not in fields:
        raise HostError("this machine is not Debian, so its package sources are unknown; "
                        "use Debian 12 or 13, or put the files under build/ by hand")
    return fields["VERSION_CODENAME"]


def parse_deb822(text):
    """Sources of one *.sources file (deb822, sources.list(5))."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields, key = {}, None
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and key:
                fields[key] += " " + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri.rstrip("/"), suite, tuple(fields.get("components", "").split()),
                             fields.get("signed-by") or None)


def parse_one_line(text):
    """Sources of one *.list file (`deb [options] uri suite component...`)."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            options, uri, suite, components = match.groups()
            key = re.search(r"signed-by=(\S+)", options or "", re.IGNORECASE)
            yield Source(uri.rstrip("/"), suite, tuple(components.split()),
                         key.group(1) if key else None)


def read_all(etc="/etc/apt"):
    """Every enabled binary source of the machine."""
    found = []
    for path in sorted(glob.glob(os.path.join(etc, "sources.list.d", "*.sources"))):
        with open(path, encoding="utf-8", errors="replace") as text:
            found += parse_deb822(text.read())
    lists = [os.path.join(etc, "sources.list")]
    for path in lists + sorted(glob.glob(os.path.join(etc, "sources.list.d", "*.list"))):
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as text:
                found += parse_one_line(text.read())
    return found


def _trust(source):
    """Third parties use Debian's suite names too; their key, or their path, gives them away."""
    if source.signed_by:
        return 2 if "debian-archive" in source.signed_by else 0
    return 1 if source.uri.endswith("/debian") or "/debian/" in source.uri + "/" else 0


def pick(sources, suite):
    """The most trustworthy source of one suite that has component main, or None."""
    fit = [s for s in sources if s.suite.rstrip("/") == suite and "main" in s.components]
    fit = [s for s in fit if _trust(s) > 0]
    return max(fit, key=_trust, default=None)


def debian(sources, release):
    """The machine's source of Debian itself: raises HostError if there is none."""
    source = pick(sources, release)
    if source is None:
        raise HostError(f"no apt source gives suite {release} with component main; "
                        "add Debian's line to /etc/apt/sources.list.d, then run this again")
    return source
