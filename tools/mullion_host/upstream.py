# SPDX-License-Identifier: Apache-2.0
# The upstream source of a Debian package, for what is built here because Debian's build is another.

import glob
import os
import re

from . import sources
from .apt import PrivateApt
from .steps import HostError


class Upstream:
    """PACKAGE's tarball of the release SUITE, kept in FOLDER."""

    def __init__(self, build, package, suite, folder):
        self.build, self.package, self.suite, self.folder = build, package, suite, folder

    def apt(self):
        """This release's packages and sources; the machine's own apt is not touched."""
        base = sources.debian(sources.read_all(), sources.codename())
        name = re.sub(r"\W", "", self.package)
        return PrivateApt(os.path.join(self.build, "apt", name), [base._replace(suite=self.suite)],
                          with_sources=True)

    def tarball(self):
        """Its path, or None."""
        pattern = os.path.join(self.folder, f"{self.package}_*.orig.tar.*")
        return next(iter(glob.glob(pattern)), None)

    def version(self):
        """Of the source without Debian's suffixes, e.g. 7.20."""
        return re.match(re.escape(self.package) + r"_([^+~-]+?)([+~-].*)?\.orig",
                        os.path.basename(self.tarball()))[1]

    def fetch(self):
        """A step: the tarball is there."""
        here = ", here already"
        if self.tarball() is None:
            apt, here = self.apt(), ""
            apt.update()
            apt.run("apt-get", "source", "--tar-only", self.package, cwd=self.folder)
        if self.tarball() is None:
            raise HostError(f"apt-get source has left no {self.package}_*.orig.tar.* in {self.folder}; "
                            f"does the machine's Debian mirror have the sources of {self.suite}?")
        return f"{self.package} {self.version()}{here}", os.path.getsize(self.tarball())
