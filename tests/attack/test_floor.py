# SPDX-License-Identifier: Apache-2.0
"""`port` and `msr` lines of a configuration that ask for what is the monitor's: it stays closed."""

import re

import attack_machine as attack
from emulator import CHOSEN
from mullion_host.machine import configuration

PORTS = CHOSEN.guarded
# APIC base, microcode, MTRRs, the APIC, EFER, SYSCFG to TOP_MEM2, microcode, SVM.
MSRS = ["0x1b", "0x79", "0x200-0x20f", "0x2ff", "0x800-0x8ff", "0xc0000080",
        "0xc0010010-0xc001001d", "0xc0010020", "0xc0010111-0xc0010117"]
REFUSED = r"^\[bad\] HOSTILE done refused: memory \d+ ports (\d+) msrs (\d+) "


def wishes():
    """The lines in the VM's block."""
    return "".join(f"port {ports} allow; " for ports in PORTS) + "".join(
        f"msr {msrs} allow; " for msrs in MSRS)


def test_no_line_opens_the_floor(record_property):
    service = CHOSEN.neighbour("host", 512, service=True)
    bad = attack.hostile("bad", 1, "hostile.elf", "steps=ports,msrs end=wait")
    machine = attack.machine([service, bad], "hostile.elf")
    machine.text = configuration([service, bad]).replace("vm bad { ", "vm bad { " + wishes())
    with attack.Session(machine) as session:
        attack.wait_linux(session, service)
        attack.wait_line(session, r"^\[bad\] HOSTILE (done refused|BAD)", 180)
        bad_lines = [line for line in session.log.lines if re.match(r"\[bad\] .*BAD", line)]
        assert not bad_lines, "\n".join(bad_lines)
        done = attack.wait_line(session, REFUSED, 10)
        said = "\n".join(attack.monitor_lines(session))
        assert said.count("of these belong to the monitor and stay as they are") == len(PORTS)
        assert said.count("of these belong to the monitor and stay closed") == len(MSRS)
        denied, _ = attack.denied(session)
        assert denied["bad"]["ports"] == int(done[1])
        assert denied["bad"]["msrs"] == int(done[2])
        attack.neighbours_unharmed(session)
        record_property("seen", f"{len(PORTS)} port lines and {len(MSRS)} msr lines refused; "
                                f"{done[1]} port and {done[2]} MSR accesses denied all the same")
