# SPDX-License-Identifier: Apache-2.0
# `make smoke`: its last line and its exit status are a contract.

import re
import subprocess
import sys


def test_smoke(build, record_property):
    done = subprocess.run([sys.executable, "tools/run.py", "--build", build, "--smoke"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600)
    last = done.stdout.splitlines()[-1]
    record_property("seen", last)
    match = re.fullmatch(r"smoke: (\d+) kernels reached user space, "
                         r"steady-state exits (\d+), ICR exits (\d+)", last)
    assert match, done.stdout
    kernels, exits, icr = map(int, match.groups())
    assert kernels == 3
    assert exits == 0, done.stdout
    assert icr > 0, "no IPI within the window: its counters would prove nothing"
    assert done.returncode == 0, done.stdout
    assert "as shipped, SHA-256" in done.stdout
