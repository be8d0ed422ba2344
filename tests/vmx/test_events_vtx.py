# SPDX-License-Identifier: Apache-2.0
"""On VT-x: guests without a system do each thing that controls watch so many times, one VM for each
policy; the monitor counts as many, and what is passed leaves no guest."""

import re
import time

import attack_machine as attack
import pytest
from bochs_rig import BochsMachine, BochsSession
from controls import NEEDED, did, events_vm, watch_all

EXIT = re.compile(r"info: exits (\S+) cpu\d+ (\S+) (\d+)$")
NMIS = re.compile(r"EVENTS nmis sent (\d+) got (\d+) nested (\d+)$")
SECONDS = 120  # no measure of anything
EVENTS_DONE = 30
LONG_MODE = 1  # write of EFER, which leaves every guest
# What the guest does before it begins to count, to get to 64 bits and to have XSETBV.
BEFORE = {"cr0": 1, "cr3": 1, "cr4": 2, "descriptor-tables": 2}
# Of the guest's names, what the monitor calls otherwise.
REASONS = {"dr-write": "dr", "dr-read": "dr", "port-in": "port", "port-out": "port",
           "msr-read": "msr", "msr-write": "msr",
           **dict.fromkeys(("lgdt", "lidt", "lldt", "ltr"), "descriptor-tables")}
OPEN = {*NEEDED, "pause"}  # for the VM to which all else is denied
POLICIES = {"passed": "pass", "counted": "count", "logged": "log", "denied": "deny"}


def reason(event):
    """The monitor's name."""
    return "exception" if event.startswith("exception-") else REASONS.get(event, event)


def counted(session, name):
    """{reason: exits} as the monitor says when the VM ends; without its console's."""
    exits = {}
    for match in filter(None, map(EXIT.search, attack.monitor_lines(session))):
        if match[1] == name and match[2] != "console":
            exits[match[2]] = exits.get(match[2], 0) + int(match[3])
    return exits


@pytest.fixture(scope="module")
def session():
    """One machine; it has switched itself off."""
    vms = [events_vm(name, watch_all(policy)) for name, policy in POLICIES.items()]
    machine = BochsMachine(attack.BUILD, vms, kernels={"events.elf": "live/events.elf"},
                           directory="run-vmx-events", image=attack.MONITOR)
    with BochsSession(machine) as started:
        end = time.monotonic() + SECONDS
        while started.running() and time.monotonic() < end:
            time.sleep(0.1)
        assert not started.running(), "the machine does not switch off\n" + started.last_words()
        started.log.thread.join()
        yield started


def nmis(session, name):
    """How many NMIs this VM has sent itself; each came, and its handler's exception, too."""
    said = next(filter(None, (NMIS.search(line) for line in session.log.lines
                              if line.startswith(f"[{name}] "))))
    sent, got, nested = map(int, said.groups())
    assert 0 < sent == got == nested
    return sent


def done_by_reason(done, leave_out=()):
    """{reason: how often the guest did what is counted so}."""
    times = {}
    for event, (number, *_) in done.items():
        if reason(event) not in leave_out:
            times[reason(event)] = times.get(reason(event), 0) + number
    return times


def quiet(exits, sent):
    """What a VM's watched events have added: without what leaves any guest on VT-x."""
    left = dict(exits)
    assert left.pop("icr") == sent
    left.pop("msr", None)
    left.pop("step", None)
    return left


def test_nothing_watched_is_nothing_left(session, record_property):
    """`pass`: no event leaves the guest but XSETBV, which always leaves one on VT-x."""
    done, exits = did(session.log.lines, "passed"), counted(session, "passed")
    assert len(done) == EVENTS_DONE
    assert quiet(exits, nmis(session, "passed")) == {"xsetbv": done["xsetbv"][0]}
    assert exits["msr"] == LONG_MODE
    for event, (times, faults, vector, wrong, _) in done.items():
        raised = int(event.split("-")[1]) if reason(event) == "exception" else None
        assert (faults, vector) == ((0, -1) if raised is None else (times, raised)), event
        assert wrong == 0, event
    record_property("seen", f"{sum(times for times, *_ in done.values())} events of "
                            f"{len(done)} kinds; {exits}")


@pytest.mark.parametrize("name", ("counted", "logged"))
def test_watched_exactly(session, record_property, name):
    """`count` and `log`: as many exits as the guest did, and the guest does not notice."""
    done, exits = did(session.log.lines, name), counted(session, name)
    sent = nmis(session, name)
    expected = done_by_reason(done)
    for event, number in BEFORE.items():
        expected[event] += number
    expected["exception"] += 2 * sent  # in each NMI's handler, and behind it
    assert exits["msr"] == expected.pop("msr") + LONG_MODE
    assert quiet(exits, sent) == expected
    assert done == did(session.log.lines, "passed")
    record_property("seen", ", ".join(f"{event} {number}" for event, number in exits.items()))


def test_denied_exactly(session, record_property):
    """`deny`: each attempt is an exit and the fault that the processor has for it; nothing is done."""
    done, exits = did(session.log.lines, "denied"), counted(session, "denied")
    expected = done_by_reason(done, leave_out={*OPEN, "exception"})
    assert exits["msr"] == expected.pop("msr") + LONG_MODE
    assert quiet(exits, nmis(session, "denied")) == expected
    for event, (times, faults, _, wrong, _) in done.items():
        if reason(event) in {*OPEN, "exception"}:
            assert done[event] == did(session.log.lines, "passed")[event], event
        elif reason(event) != "port":  # a port that nobody has reads as ones
            assert (faults, wrong) == (times, 0), event
    record_property("seen", f"{sum(faults for _, faults, *_ in done.values())} faults")
