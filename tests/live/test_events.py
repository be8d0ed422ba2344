# SPDX-License-Identifier: Apache-2.0
# Guests without a system do each thing that controls watch so many times: the monitor counts as many.

import pytest

from controls import CPU, KERNELS, MSR, NEEDED, did, events_vm, locked_vm, watch_all
from mullion_host.machine import Machine
from rig import Run

SECONDS = 60
LOCKED = 7      # of each register and table, in locked.S
EVENTS_DONE = 30
TO_TRIPLE = 3   # exceptions from INT3 without a table to the triple fault; the last when it has ended
UD, GP = 6, 13
CLOCK = 0x80    # what the clock's register D reads: its battery is good
ABSENT = 0xff   # what nobody's port reads
# Of the guest's names, what the monitor calls otherwise. TCG reports RDTSCP as RDTSC.
REASONS = {"rdtscp": "rdtsc", "dr-write": "dr", "dr-read": "dr", "port-in": "port",
           "port-out": "port", "msr-read": "msr", "msr-write": "msr",
           **dict.fromkeys(("lgdt", "lidt", "lldt", "ltr"), "descriptor-tables")}
# What the guest does before it begins to count, to get to 64 bits and to have XSETBV.
BEFORE = {"cr0": 1, "cr3": 1, "cr4": 2, "descriptor-tables": 2}
LONG_MODE = 1   # write of EFER, which leaves every guest
# In the monitor the others are done without the guest's processor. TCG tells no next instruction: of
# RDTSC the length is not known then, and the guest executes it, too.
STEPPED = {"rdtsc", "rdpmc", "invlpg", "wbinvd", "cr0", "cr3", "cr4", "dr", "descriptor-tables",
           "xsetbv"}
OPEN = {*NEEDED, "pause"}  # for the VM to which all else is denied
UNDEFINED = {"monitor", "mwait"}  # denied: as if the processor had none; RDTSCP comes as RDTSC
INT3 = "exception-3"              # TCG reports none: it takes INT3 for a software interrupt


def reason(event):
    """The monitor's name."""
    return "exception" if event.startswith("exception-") else REASONS.get(event, event)


def counted(run):
    """{VM: {reason: exits}} from what the monitor says when a VM ends; without its console's."""
    found = {}
    for match in run.log_lines(r"info: exits (\S+) cpu\d+ (\S+) (\d+)$"):
        exits = found.setdefault(match[1], {})
        exits[match[2]] = exits.get(match[2], 0) + int(match[3])
    for exits in found.values():
        exits.pop("console", None)
    return found


def nmis(run, name):
    """How many NMIs this VM has sent itself; each came, and its handler's exception, too."""
    said = run.vm_line(name, r"EVENTS nmis sent (\d+) got (\d+) nested (\d+)$")
    sent, got, nested = map(int, said.groups())
    assert 0 < sent == got == nested
    return sent


def add(exits, name, number):
    """So many more for this reason."""
    exits[name] = exits.get(name, 0) + number


def quiet(sent):
    """The exits of a VM in which nothing is watched."""
    return {"msr": LONG_MODE, "icr": sent, "nmi": sent, "iret": sent}


def watched(done, sent):
    """The exits of a VM in which all is counted."""
    exits = quiet(sent)
    for name, number in BEFORE.items():
        add(exits, name, number)
    for event, (times, *_) in done.items():
        if event != INT3:
            add(exits, reason(event), times)
    add(exits, "exception", 2 * sent)  # in each NMI's handler, and behind it
    exits["step"] = sum(exits[name] for name in STEPPED - {"rdpmc"})
    add(exits, "exception", exits["rdpmc"])  # in TCG its step ends with #UD, which is watched, too
    return exits


def denied(done, sent):
    """The exits of a VM to which all is denied that can be."""
    exits = quiet(sent)
    for event, (times, *_) in done.items():
        if reason(event) not in OPEN and reason(event) != "exception":
            add(exits, reason(event), times)
    return exits


@pytest.fixture(scope="module")
def run(build):
    """One machine with a VM for each policy; it has switched itself off."""
    policies = {"passed": "pass", "counted": "count", "logged": "log", "denied": "deny"}
    vms = [events_vm(name, watch_all(policy)) for name, policy in policies.items()]
    vms += [locked_vm("locked"), events_vm("reads", f"msr {MSR} read count"),
            events_vm("writes", f"msr {MSR} write log"),
            events_vm("triple", "exception 13 count", "end=triple")]
    machine = Machine(build, vms, image="boot/mullion.elf", kernels=KERNELS, cpu=CPU,
                      directory="live/events")
    with Run(machine, False) as started:
        started.log_line("the machine switches off", seconds=SECONDS)
        assert started.exit_status() == 0
        yield started


def test_nothing_watched_is_nothing_left(run, record_property):
    """`pass`: no event leaves the guest, and each does what the processor does."""
    done = did(run.log.lines, "passed")
    assert len(done) == EVENTS_DONE and counted(run)["passed"] == quiet(nmis(run, "passed"))
    for event, (times, faults, vector, wrong, seen) in done.items():
        raised = int(event.split("-")[1]) if reason(event) == "exception" else \
            UD if event == "rdpmc" else None  # of which TCG has none
        assert (faults, vector) == ((0, -1) if raised is None else (times, raised)), event
        assert wrong == 0, event
    assert done["port-in"][4] == CLOCK and done["msr-read"][4] == done["msr-write"][0]
    record_property("seen", f"{sum(times for times, *_ in done.values())} events of "
                            f"{len(done)} kinds, no exit for them")


@pytest.mark.parametrize("name", ("counted", "logged"))
def test_watched_exactly(run, record_property, name):
    """`count` and `log`: as many exits as the guest did, and the guest does not notice."""
    done, exits = did(run.log.lines, name), counted(run)[name]
    assert exits == watched(done, nmis(run, name))
    assert done == did(run.log.lines, "passed")
    record_property("seen", ", ".join(f"{event} {number}" for event, number in exits.items()))


def test_denied_exactly(run, record_property):
    """`deny`: each attempt is an exit and the fault that the processor has for it; nothing is done."""
    done, exits = did(run.log.lines, "denied"), counted(run)["denied"]
    passed = did(run.log.lines, "passed")
    assert exits == denied(done, nmis(run, "denied"))
    for event, (times, faults, vector, wrong, seen) in done.items():
        if reason(event) in OPEN or reason(event) == "exception":
            assert done[event] == passed[event], event
        elif reason(event) == "port":
            assert faults == 0 and seen == (ABSENT if event == "port-in" else 0), event
        else:
            fault = UD if event in UNDEFINED else GP
            assert (faults, vector, wrong, seen) == (times, fault, 0, 0), event
    record_property("seen", f"{sum(faults for _, faults, *_ in done.values())} faults, "
                            f"{exits['port']} accesses to ports that found none")


def test_registers_and_tables_denied(run, record_property):
    """CR0, CR3, CR4 and descriptor tables: #GP, by a guest that can do no more than count them."""
    said = run.vm_line("locked", r"EVENTS denied (.*) $")[1]
    assert said == " ".join(f"{name} {LOCKED}" for name in ("cr0", "cr3", "cr4", "lgdt", "lidt"))
    exits = counted(run)["locked"]
    assert {name: exits.get(name, 0) for name in NEEDED} == {
        **dict.fromkeys(NEEDED, LOCKED), "descriptor-tables": 2 * LOCKED}
    assert "step" not in exits
    record_property("seen", f"#GP for {said}")


def test_reads_and_writes_apart(run, record_property):
    """An MSR of which only reads, or only writes, are watched."""
    seen = {}
    for name, event in (("reads", "msr-read"), ("writes", "msr-write")):
        times = did(run.log.lines, name)[event][0]
        ports = sum(did(run.log.lines, name)[port][0] for port in ("port-in", "port-out"))
        seen[name] = counted(run)[name]["msr"]
        # Ports that nobody has opened leave the guest, too.
        sent = nmis(run, name)
        assert counted(run)[name] == {**quiet(sent), "msr": LONG_MODE + times, "port": ports}
    assert seen["reads"] != seen["writes"]
    record_property("seen", f"{seen}, with one write of EFER each")


def test_triple_fault(run, record_property):
    """A triple fault by watched exceptions starts the VM again, and what is watched is so still."""
    run.log_line(r'info: vm "triple": triple fault$')
    run.log_line(r'info: vm "triple": start 2,')
    first = [int(match[1]) for match in run.log_lines(r"info: exits triple cpu\d+ exception (\d+)$")]
    done = did(run.log.lines, "triple")
    assert len(first) == 2 and len(done) == EVENTS_DONE
    # #GP for INT3's entry, #GP for that one's: a double fault; #GP for that: not given back any more
    assert first == [TO_TRIPLE - 1, TO_TRIPLE + done["exception-13"][0]]
    record_property("seen", f"{TO_TRIPLE} exceptions to the triple fault, {first[1]} with the next start's")
