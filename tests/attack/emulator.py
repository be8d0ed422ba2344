# SPDX-License-Identifier: Apache-2.0
"""Where a machine with hostile guests runs, by the environment's MULLION_MACHINE: in QEMU, on SVM,
beside stock kernels; or in Bochs, on VT-x, beside guests that need no minute to start."""

import os
import re
import secrets
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(TREE, "tools"), os.path.join(TREE, "tests", "vmx")]

from bochs_rig import IPS, BochsMachine, BochsSession  # noqa: E402
from mullion_host.machine import Machine, Vm  # noqa: E402
from mullion_host.session import Session  # noqa: E402


class Qemu:
    """AMD's SVM in QEMU's TCG; the neighbours are stock kernels."""

    Session, Machine = Session, Machine
    words = ""  # what each of our guests is told
    kernels = {"vmlinuz": "guests/vmlinuz-6.1"}
    virt = r"an instruction of SVM at \S+ denied"
    pm1 = 0x604  # PM1 control, as the FADT says
    # Reset, SMI, PM1 control, the log port; the SMI control and watchdog of q35's ICH9.
    guarded = ["0x64", "0x92", "0xb2-0xb3", "0x2f8-0x2ff", "0x604-0x605", "0x630-0x637", "0x660-0x67f"]
    unguarded = ()  # attacks on ports that this machine has elsewhere, or not

    @staticmethod
    def neighbour(name, memory, service=False, size=0, cpus=1):
        """A stock kernel, which sums up so many MiB, if any, for ever."""
        role, words = ("memsum", f"mullion.mb={size}") if size else ("none", "")
        return Vm(name, cpus, memory, role, service=service, words=words)

    @staticmethod
    def has_begun(session, vm):
        """It has reported with the nonce of its command line."""
        report = session.find_report(vm)
        assert report is None or report.nonce == vm.nonce
        return report is not None

    @staticmethod
    def question():
        """(what is typed, what must come back): only who lives now knows it."""
        nonce = secrets.token_hex(8)
        return f"\recho alive-{nonce}-$((6*7))\r", rf"alive-{nonce}-42\b"


class Bochs:
    """Intel's VT-x in Bochs; the neighbours are guests of our own, neighbour.c."""

    Session, Machine = BochsSession, BochsMachine
    words = f"hz={IPS} virt=vtx"
    kernels = {elf: f"attack/{elf}" for elf in ("neighbour.elf", "neighbour-service.elf")}
    virt = r"an instruction of VT-x, SMX or SGX at \S+ denied"
    pm1 = 0xb004
    guarded = ["0x64", "0x92", "0xb2-0xb3", "0x2f8-0x2ff", "0xb004-0xb005"]
    unguarded = ("smi", "guarded-strings")  # ICH9's

    @classmethod
    def neighbour(cls, name, _memory, service=False, size=1, cpus=1):
        """It sums up its memory, or a MiB of it, for ever."""
        kernel = "neighbour-service.elf" if service else "neighbour.elf"
        return Vm(name, cpus, 64, "none", service=service, kernel=kernel,
                  words=f"{cls.words} mb={min(size or 1, 16)}")

    @staticmethod
    def has_begun(session, vm):
        """The same: a freestanding guest says the nonce, too."""
        lines = session.console.lines if vm.service else session.log.lines
        return any(re.search(rf"NEIGHBOUR begin {vm.nonce}$", line) for line in lines)

    @staticmethod
    def question():
        """It says the word backwards."""
        nonce = secrets.token_hex(6)
        return f"\r{nonce}\r", rf"MULLION-SUM ok \d+ {nonce[::-1]}$"


CHOSEN = {"qemu": Qemu, "bochs": Bochs}[os.environ.get("MULLION_MACHINE", "qemu")]
