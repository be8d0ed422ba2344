# SPDX-License-Identifier: Apache-2.0
"""Calls between cores (NMIs of the monitor) under a guest's NMI storm: none lost, none spurious."""

import re
import time

import attack_machine as attack

KICKS = 100_000
OK = re.compile(r"^\[storm\] NMI OK (\d+)")


def progress(session):
    """The NMIs that the storm has counted."""
    found = [int(match[1]) for match in map(OK.match, list(session.log.lines)) if match]
    return found[-1] if found else 0


def no_bad(session):
    """The guest has found no NMI lost or from nowhere."""
    bad = [line for line in session.log.lines if re.match(r"\[storm\] .*BAD", line)]
    assert not bad, "\n".join(bad)


def press(session):
    """Key `k`: every other core is kicked 1,000 times. The kicks sent, which equal those served."""
    start = len(session.log.lines)
    session.log.send(b"k")
    match = attack.wait_line(session, r"kicks sent (\d+), served (\d+)", 120, start)
    sent, served = map(int, match.groups())
    assert sent == served, match[0]
    assert sent > 0, match[0]
    return sent


def test_kicks_under_nmi_storm(record_property):
    storm = attack.hostile("storm", 2, "nmi.elf")
    vms = [*attack.neighbours(8), storm]  # little to sum up: the kicks need the time
    with attack.Session(attack.machine(vms, "nmi.elf")) as session:
        attack.wait_linux(session, *vms[:2])
        attack.wait_line(session, r"^\[storm\] NMI begin", 30)
        begin, start, kicks = progress(session), time.monotonic(), 0
        while kicks < KICKS:
            kicks += press(session)
            no_bad(session)
        end = progress(session)
        print(f"{kicks} kicks, none lost, in {time.monotonic() - start:.0f} s; "
              f"the storm went from {begin} to {end} NMIs")
        assert end > begin, "the guest's NMIs stood still during the kicks\n" + session.last_words()
        time.sleep(2)  # what comes late
        no_bad(session)
        attack.all_well(session)
        record_property("seen", f"{kicks} kicks sent and served under {end - begin} NMIs")
