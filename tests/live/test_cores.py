# SPDX-License-Identifier: Apache-2.0
# Cores of running stock VMs, given and taken by changes of the configuration.

import re

import pytest

from debian_rig import debian_machine, start
from fabric_rig import answers, exits, listed, on
from mullion_host.debian import give_network
from rig import guest

WEB, DB = "10.77.0.12", "10.77.0.13"
ROUNDS = 50
ATTEMPTS = 5  # rounds in which the VM tries to use cores that it has not
FILES = "/var/lib/mullion"
ONLINE = "/sys/devices/system/cpu/cpu{}/online"
FAULTS = r"Oops|BUG|WARNING|lockup|stall|unstable|general protection"
WINDOW = 3


@pytest.fixture(scope="module")
def machine(build):
    """The service VM has cores 1 and 2, `web` 3 to 5, `db` 6, which may get 2, 4 and 5."""
    runs = []
    vms = [guest("quiet"), guest("web", cpus=3), guest("db", settings="cpus-most 4")]
    machine = debian_machine(build, "live/cores", more=vms, quiet="quiet",
                             files={"cores.sh": "tests/live/cores.sh"})
    for vm in vms[1:]:
        vm.cores = ""  # numbers that can be changed; they get these cores all the same
    give_network(machine)
    try:
        run = start(machine, runs)
        for address in (WEB, DB):
            run.sh(answers(address))
        yield run
    finally:
        for run in runs:
            run.end()


def switch(run, address, cpu, state):
    """The sysfs write in the VM; what it has on line then."""
    return run.sh(on(address, f"echo {state} >{ONLINE.format(cpu)}; "
                              "cat /sys/devices/system/cpu/online"))[-1]


def refused(run, command):
    """What a command says that is refused."""
    return " ".join(run.sh(f"{command} 2>&1; test $? = 1"))


def owners(run):
    """Whose core each one is."""
    return [line.split()[-1] for line in run.sh("mullion machine | grep -E '^ +[0-9]+ +[0-9]+ +[0-9]+ "
                                                "+[0-9]+ '")]


def denied_ipis(run):
    """How many commands to other cores `web` has sent."""
    return int(next(line for line in run.sh("mullion stats web") if re.match(r"web( +\d+){4}$", line))
               .split()[-1])


def complaints(run):
    """What `web`'s kernel says of faults."""
    return run.sh(on(WEB, f"dmesg | grep -E \"{FAULTS}\"; true"))


def test_fifty_times_under_load(machine, record_property):
    """Two cores go and come back; the work's results are right, and afterwards nothing exits."""
    machine.sh(on(WEB, "head -c 3000000 /dev/urandom >/tmp/data; md5sum /tmp/data >/tmp/sum; "
                       "touch /tmp/go; (while [ -e /tmp/go ]; do md5sum -c /tmp/sum >>/tmp/sums 2>&1; "
                       "echo >>/tmp/rounds; done &)"))
    before, quiet = denied_ipis(machine), complaints(machine)
    machine.sh(f"sh {FILES}/cores.sh {ROUNDS} {ATTEMPTS} {WEB} >/root/out 2>&1 || "
               "{ tail -5 /root/out; false; }")
    assert machine.sh("grep -c 'core [45], its CPU [12], is gone' /root/out")[-1] == str(2 * ROUNDS)
    # Of each attempt at each of the two: INIT, its end, and one start-up IPI, whose refusal is told.
    denied = denied_ipis(machine) - before
    assert denied == 2 * 3 * ATTEMPTS
    machine.sh(on(WEB, "rm /tmp/go; while pidof md5sum; do sleep 0.2; done"))
    rounds = int(machine.sh(on(WEB, "wc -l </tmp/rounds"))[-1])
    assert rounds > 0 and machine.sh(on(WEB, "sort -u /tmp/sums")) == [
        "/tmp/data: OK"]
    assert complaints(machine) == quiet
    machine.sh(on(WEB, "touch /tmp/busy; for i in 1 2 3; do (while [ -e /tmp/busy ]; do :; done &); done; "
                       "sleep 1"))
    steady = exits(machine, ("web",), r"(?!icr)\w+")
    machine.sh(f"sleep {WINDOW}")
    assert exits(machine, ("web",), r"(?!icr)\w+") == steady
    machine.sh(on(WEB, "rm /tmp/busy"))
    record_property("seen", f"{ROUNDS} times, {rounds} rounds of the work, each right; {denied} "
                            "commands to cores that were away, dropped; then no exits but IPIs")


def test_core_in_use_is_refused(machine, record_property):
    """It is named with what to do, and nothing else of that change is done either."""
    now = machine.sh("mullion config")
    said = refused(machine, "mullion set web rdtsc=count cpus=2")
    assert re.search(r'vm "web": core 5, its CPU 2, is in use; write in the VM: echo 0 '
                     r">/sys/devices/system/cpu/cpu2/online, and try again", said), said
    assert "core 3 is the one that it started on" in refused(machine, "mullion set web cpus=4-5")
    assert "more than the 3 that it can have" in refused(machine, "mullion set web cpus=4")
    machine.sh("mullion config | sed '/^vm db/,/^}/s/cpus 1$/cpus 5,6/; "
               "/^vm web/,/^}/s/cpus 3$/cpus 2/' >/root/move")
    refused(machine, "mullion apply /root/move")
    assert machine.sh("mullion config") == now
    assert owners(machine) == ["quiet", "host", "host", "web", "web", "web", "db"]
    assert machine.sh(on(WEB, "cat /sys/devices/system/cpu/online"))[-1] == "0-2"
    record_property("seen", said)


def test_from_one_vm_to_another(machine, record_property):
    """In one change, and back; what each was told of at its start is what it can have."""
    switch(machine, WEB, 2, 0)
    said = machine.sh("mullion apply /root/move")
    assert said[:4] == ["web: cpus 3 -> 2", "web: core 5, its CPU 2, is gone",
                        "db: cpus 1 -> 5-6", said[3]]
    assert said[3].startswith("db: core 5, its CPU 3, is there; write in the VM: echo 1 ")
    assert switch(machine, DB, 3, 1) == "0,3"
    assert owners(machine) == ["quiet", "host", "host", "web", "web", "db", "db"]
    assert listed(machine)["db"][2] == "5-6"
    assert "is in use" in refused(machine, "mullion undo")
    assert switch(machine, DB, 3, 0) == "0"
    machine.sh("mullion undo")
    assert switch(machine, WEB, 2, 1) == "0-2"
    assert owners(machine) == ["quiet", "host", "host", "web", "web", "web", "db"]
    record_property("seen", f"{'; '.join(said[:4])}; and back")


def test_from_the_service_vm(machine):
    """What the pool lacks Linux gives, and it comes back to it."""
    said = machine.sh("mullion set db cpus=2; nproc")
    assert said[1].startswith("db: core 2, its CPU 1, is there") and said[-1] == "1"
    assert switch(machine, DB, 1, 1) == "0-1"
    switch(machine, DB, 1, 0)
    assert machine.sh("mullion set db cpus=1; nproc")[-1] == "2"
    assert owners(machine)[:3] == ["quiet", "host", "host"]


def test_restart_and_end(machine):
    """A VM starts with the cores that it has; destroyed, it leaves them to the pool."""
    switch(machine, WEB, 2, 0)
    machine.sh("mullion set web cpus=2")
    machine.sh(f"mullion reboot web; {answers(WEB)}")
    assert machine.sh(on(WEB, "cat /sys/devices/system/cpu/online"))[-1] == "0-1"
    machine.sh("mullion set web cpus=3")
    assert switch(machine, WEB, 2, 1) == "0-2"
    machine.sh("mullion kill web; mullion set web cpus=1")  # nobody to ask
    assert owners(machine) == ["quiet", "host", "host", "web", "pool", "pool", "db"]
    machine.sh("mullion set db cpus=3; mullion destroy db web")
    assert owners(machine) == ["quiet", "host", "host", "pool", "pool", "pool", "pool"]
