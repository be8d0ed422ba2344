# SPDX-License-Identifier: Apache-2.0
# The emulated machine with a stock kernel and no Mullion: what a user has before, and beside it.

import os

from mullion_host.machine import Machine
from overlay import write_overlay
from rig import BOOT_SECONDS, Run


class Bare(Machine):
    """The emulated machine with a kernel instead of Mullion, or with what a disc starts."""

    def command(self, *ports):
        words = super().command(*ports)
        if not self.disc:
            at = words.index("-kernel")
            words[at:at + 4] = ["-kernel", self.path("guests/vmlinuz-6.1"),
                                "-initrd", self.run_path("initrd.img"),
                                "-append", self.vms[0].cmdline()]
        return words

    def prepare(self, files):
        """Writes its initial RAM disk, with FILES, {path: bytes}, in it."""
        os.makedirs(self.run_path(""), exist_ok=True)
        write_overlay(self.build, files, self.run_path("initrd.img"))


def start_bare(machine, runs):
    """The running machine, its shell ready; appended to RUNS, for the caller to end."""
    run = Run(machine, False)
    runs.append(run)
    run.__enter__()
    nonce = machine.vms[0].nonce
    run.wait(run.console, f"MULLION-REPORT name=host nonce={nonce} ", seconds=BOOT_SECONDS)
    return run


def shell(run, command):
    """The lines that a command prints, and its exit status."""
    start = len(run.console.lines)
    run.type_service(f"echo begins'-'now; {command}; echo ended'-'$?")
    status = run.wait(run.console, r"^ended-(\d+)$", start=start)[1]
    lines = run.console.lines[start:]
    return lines[lines.index("begins-now") + 1:lines.index(f"ended-{status}")], int(status)
