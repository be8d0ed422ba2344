# SPDX-License-Identifier: Apache-2.0
# Memory of a running stock VM, taken and given back through its own virtio-mem driver.

import json
import os
import re

import pytest

from debian_rig import debian_machine, start
from fabric_rig import answers, exits, on
from mullion_host.debian import give_network
from rig import guest

WEB, DB = "10.77.0.11", "10.77.0.12"
FIRST, MOST, ROUNDS = 256, 768, 3  # MiB
USED = 200                         # MiB of files in what it grew by
FILES = "/var/lib/mullion"
HELD = 60                          # MiB that no kernel can move: a few, so that the rest finds room
FAULTS = r"Oops|BUG|WARNING|lockup|stall|general protection|page allocation failure"
REBOOTED = r'info: vm "web": start 2, '


@pytest.fixture(scope="module")
def machine(build):
    """`web` may have up to MOST, and `db` has what it has; both answer ssh."""
    runs = []
    web = guest("web", cpus=2, memory=FIRST, words="memhp_default_state=online_movable",
                settings=f"memory-most {MOST}M")
    machine = debian_machine(build, "live/memory", more=[web, guest("db")], quiet="db",
                             files={"hold": os.path.join(build, "live/hold")})
    machine.memory = sum(vm.memory for vm in machine.vms) + MOST - FIRST + 256
    give_network(machine)
    try:
        run = start(machine, runs, monitor=True)
        for address in (WEB, DB):
            run.sh(answers(address))
        for address, size in ((WEB, 24), (DB, 64)):
            run.sh(on(address, f"head -c {size << 20} /dev/urandom >/tmp/data; "
                               "md5sum /tmp/data >/tmp/sum"))
        run.sh(f"cat {FILES}/hold | {on(WEB, 'cat >/bin/hold; chmod +x /bin/hold')}")
        run.sh(on(WEB, "mount -t tmpfs -o size=600m more /mnt"))
        run.at_boot = complaints(run)
        run.sh(on(WEB, "touch /tmp/go; (while [ -e /tmp/go ]; do "
                          "md5sum -c /tmp/sum >>/tmp/sums 2>&1; echo; done >/tmp/rounds &)"))
        yield run
    finally:
        for run in runs:
            run.end()


def complaints(run):
    """What the VMs' kernels say of faults."""
    return [run.sh(on(address, f'dmesg | grep -E "{FAULTS}"; true')) for address in (WEB, DB)]


def told(run, request):
    """What `mullion` answers, as JSON says it."""
    return json.loads("\n".join(run.sh(f"mullion {request} --json")))


def has(run):
    """MiB that the monitor says that `web` has, and that its own kernel counts."""
    total = run.sh(on(WEB, "grep MemTotal /proc/meminfo"))[-1]
    return told(run, "list")["vm"][1]["memory"] >> 20, int(total.split()[1]) >> 10


def pool(run):
    """Bytes that nobody has."""
    return told(run, "machine")["pool"][0]["memory-free"]


def in_use(run, size):
    """`web` makes files of SIZE MiB in memory; their sums are right a while later. They go again."""
    run.sh(on(WEB, f"for i in $(seq {size // 24}); do (echo $i; cat /tmp/data) >/mnt/$i; done; "
                   "md5sum /mnt/* >/tmp/more.sums; sleep 2; md5sum -c /tmp/more.sums >/tmp/said"))
    run.sh(on(WEB, "rm /mnt/*"))


def test_grows_and_shrinks(machine, record_property):
    """Several times, under load: its kernel counts more, uses it, and counts what it did before."""
    free, before = pool(machine), has(machine)
    assert before[0] == FIRST
    for wanted in (512, MOST, 384)[:ROUNDS]:
        said = machine.sh(f"mullion set web memory={wanted}M")
        assert said == [f"web: memory {FIRST}M -> {wanted}M", f"web: has {wanted}M"], said
        more = wanted - FIRST
        now = has(machine)
        assert now[0] == wanted and before[1] + more - 8 <= now[1] <= before[1] + more, now
        assert pool(machine) == free - (more << 20)
        in_use(machine, min(more, USED))
        said = machine.sh("mullion undo")
        assert said == [f"web: memory {wanted}M -> {FIRST}M", f"web: has {FIRST}M"], said
        assert has(machine) == before
        assert pool(machine) == free
    record_property("seen", f"{FIRST} MiB, its kernel counts {before[1]}; {ROUNDS} times more, up to "
                            f"{MOST}, {now[1]} counted at the last; the pool as before, {free} bytes")


def test_what_is_used_is_not_taken(machine, record_property):
    """What its kernel cannot release it keeps, intact; the command says so, until it is released."""
    free = pool(machine)
    machine.sh(f"mullion set web memory={MOST}M")
    machine.sh(on(WEB, f"(hold {HELD} /tmp/held >/tmp/hold 2>&1 &); until [ -e /tmp/held ]; do "
                       "sleep 1; done"))
    said = machine.sh(f"mullion set --timeout 10 web memory={FIRST}M 2>&1; test $? != 0")
    missing = re.search(rf"its kernel still has (\d+)M and is to have {FIRST}M", " ".join(said))
    assert missing and FIRST + HELD / 2 <= int(missing[1]) < MOST, said
    shown = told(machine, "show web")["vm"][0]
    assert shown["memory-asked"] >> 20 == FIRST < shown["memory"] >> 20
    assert pool(machine) == free - (shown["memory"] - (FIRST << 20))
    machine.sh(on(WEB, "rm /tmp/held; for i in $(seq 60); do grep -q . /tmp/hold && break; sleep 1; "
                       "done; grep whole /tmp/hold"))
    machine.sh(f"mullion set web memory={FIRST + 2}M; mullion set --timeout 100 web memory={FIRST}M")
    assert pool(machine) == free
    record_property("seen", f"of {MOST} MiB, {missing[1]} stayed until a program ended, then {FIRST}")


def test_neighbour_and_load(machine, record_property):
    """What ran all the time in `web` was right in each round, and `db` has what it had."""
    assert machine.sh(on(WEB, "sort -u /tmp/sums")) == ["/tmp/data: OK"]
    rounds = int(machine.sh(on(WEB, "wc -l </tmp/rounds"))[-1])
    assert rounds > 0
    machine.sh(on(DB, "md5sum -c /tmp/sum"))
    assert complaints(machine) == machine.at_boot
    record_property("seen", f"{rounds} rounds of the load, each right")


def test_no_exits(machine, record_property):
    """With more memory as without: an idle VM leaves the guest for IPIs only."""
    machine.sh("mullion set web memory=512M")
    machine.sh(on(WEB, "rm /tmp/go; while pidof md5sum; do sleep 0.2; done"))
    before = exits(machine, ("web",), r"(?!icr)\w+")
    machine.sh("sleep 10")
    assert exits(machine, ("web",), r"(?!icr)\w+") == before
    record_property("seen", "10 s with 512 MiB, of which 256 came later: no exit but for IPIs")


def test_refused(machine):
    """Less than it was made with, more than its most, more than there is: nothing is changed."""
    now = machine.sh("mullion config")
    for name, setting, words in (("web", "memory=128M", f"was made with {FIRST}M"),
                                 ("web", "memory=1G", "memory-most 768M is less than memory"),
                                 ("web", "memory-most=1G", "destroy it first"),
                                 ("db", "memory=256M", "destroy it first")):
        said = " ".join(machine.sh(f"mullion set {name} {setting} 2>&1; test $? != 0"))
        assert words in said, said
        assert machine.sh("mullion config") == now


def test_reboot_and_destroy(machine, record_property):
    """It starts anew with what it was made with, and is given the rest; destroyed, it leaves all."""
    shown = told(machine, "show web")["vm"][0]
    assert shown["memory"] >> 20 == 512
    free = pool(machine)
    machine.sh(on(WEB, "head -c 300000000 /dev/urandom >/mnt/more"))
    machine.sh("mullion reboot web")
    machine.log_line(REBOOTED)
    machine.sh(answers(WEB))
    machine.sh("for i in $(seq 100); do mullion list | grep -q 'web .* 512M' && break; sleep 0.2; "
               "done; mullion list | grep 'web .* 512M'")
    assert has(machine)[1] > 450 and pool(machine) == free
    machine.sh("mullion destroy web")
    assert pool(machine) == free + (512 << 20)
    machine.sh(on(DB, "md5sum -c /tmp/sum"))
    record_property("seen", "512 MiB again after the restart; all 512 in the pool when it was destroyed")
