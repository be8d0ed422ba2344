# SPDX-License-Identifier: Apache-2.0
# `mullion probe` run on a machine of probe_machines.py, and its report. MULLION names the program.

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from probe_machines import plant

MULLION = os.path.abspath(os.environ.get("MULLION", "build/mullion"))
LINE = re.compile(r"  (\S.{15}) (yes|no|unknown) +(\S.*)")


class Probed:
    """What `mullion probe` says of a machine."""

    def __init__(self, status, out):
        self.status = status
        report, _, self.config = out.partition("\n\n")
        self.verdict = report.splitlines()[-1]
        found = [LINE.fullmatch(line) for line in report.splitlines()]
        self.items = {m[1].strip(): (m[2], m[3]) for m in found if m}

    def answers(self, answer):
        """The labels with this answer."""
        return {label for label, (is_so, _) in self.items.items() if is_so == answer}


def run(*args, text=None):
    """Exit status, output and errors of the command."""
    done = subprocess.run([MULLION, *args], input=text, capture_output=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout.decode("ascii"), done.stderr.decode("utf-8", "replace")


def check_config(config, *machine):
    """Exit status and output of `mullion check` for a printed configuration."""
    return run("check", *machine, "-", text=config.encode())


class ProbeTest(unittest.TestCase):
    """A test with a folder for a machine's files."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def probe(self, machine):
        """The report on a machine, which is the folder's only content."""
        shutil.rmtree(self.folder)
        plant(self.folder, machine)
        status, out, err = run("probe", "--root", self.folder)
        self.assertEqual(err, "")
        return Probed(status, out)
