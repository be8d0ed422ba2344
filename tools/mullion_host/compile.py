# SPDX-License-Identifier: Apache-2.0
# A command that builds something foreign: its words in a log, its progress told, its errors shown.

import os
import re
import subprocess

from .steps import HostError


def logged(command, log, environment, cwd=None, note=None, compiled=None):
    """Runs it; NOTE is told now and then how many lines the pattern COMPILED[0] has been in, of about
    COMPILED[1], every COMPILED[2] of them."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    files = 0
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(
            command, cwd=cwd, env={**env, **environment}, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace") as running:
        for line in running.stdout:
            out.write(line)
            if note and re.search(compiled[0], line):
                files += 1
                if files % compiled[2] == 0:
                    note(f"{files} of about {compiled[1]} files")
    if running.returncode != 0:
        raise HostError(f"{' '.join(command)} failed:\n  " + "\n  ".join(_errors(log))
                        + f"\nthe whole of it is {log}; `tools/deps.sh vmx small afterburn` names what "
                        "such builds need")


def _errors(log):
    with open(log, encoding="utf-8", errors="replace") as text:
        lines = [line.rstrip() for line in text]
    return ([line for line in lines if re.search(r"\berror\b|\*\*\*", line)] or lines)[-5:]
