# SPDX-License-Identifier: Apache-2.0
# Linux' source as Debian has it, and the steps that are the same for whatever is built from it.

import os

from .compile import logged
from .packages import KERNELS, Fetcher
from .steps import HostError

# The same bytes wherever and whenever it is built.
NAMES = {"KBUILD_BUILD_TIMESTAMP": "@0", "KBUILD_BUILD_USER": "mullion", "KBUILD_BUILD_HOST": "mullion",
         "KBUILD_BUILD_VERSION": "1"}


class LinuxSource:
    """linux-source-SERIES; the words of its steps go to LOGS/NAME.log. OBJECTS: about so many files
    are compiled, for the progress."""

    def __init__(self, build, series, logs, objects):
        self.fetcher = Fetcher(build)
        self.series, self.logs, self.objects = series, logs, objects
        self.package = f"linux-source-{series}"
        self.tarball = os.path.join(self.fetcher.build, "peers", self.package, "usr", "src",
                                    f"{self.package}.tar.xz")
        self.version = None  # Debian's; known when it was fetched

    @property
    def suite(self):
        return KERNELS[self.series]

    def fetch(self):
        """A step: the tarball is there."""
        here = ", here already" if os.path.exists(self.tarball) else ""
        _, self.version = self.fetcher.unpacked(self.package, self.suite)
        return f"{self.package} {self.version}{here}", os.path.getsize(self.tarball)

    def unpack(self, where, *options):
        """All of it into WHERE, a folder that is there; OPTIONS: more of tar's."""
        self.call("unpack", ["tar", "-xf", self.tarball, "-C", where, *options], where)

    def configure(self, tree, lines, asked, lists, *variables):
        """The configuration of LINES, written to the file ASKED, and nothing else; a line that Linux does
        not take is an error that names LISTS. All lines of .config, in TREE or where VARIABLES put it."""
        with open(asked, "w", encoding="ascii") as out:
            out.write("".join(line + "\n" for line in lines))
        self.call("configure", ["make", *variables, f"KCONFIG_ALLCONFIG={asked}", "allnoconfig"], tree)
        where = next((word[2:] for word in variables if word.startswith("O=")), tree)
        with open(os.path.join(where, ".config"), encoding="ascii") as text:
            got = text.read().splitlines()
        lost = [line for line in lines if line not in got]
        if lost:
            raise HostError(f"Linux {self.version} does not take {', '.join(lost)}; correct the "
                            f"lists in tools/mullion_host/{lists}")
        return got

    def call(self, name, command, cwd, note=None):
        """Runs it, its words in NAME.log; says now and then how many files are compiled."""
        logged(command, os.path.join(self.logs, f"{name}.log"), NAMES, cwd, note,
               (r"^  (CC|AS)( \[M\])? ", self.objects, 100))
