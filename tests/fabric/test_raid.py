# SPDX-License-Identifier: Apache-2.0
# Cooperative I/O: two VMs serve a block device each (NBD), a third mirrors them (md RAID-1). One of the servers is
# killed and comes back with nothing.

import re

import pytest

from fabric_rig import LEFT, RIGHT, SERVED, SSH, WEB, devices, exits, on

WHOLE = "grep -q 0 /sys/block/md0/md/degraded && grep -q idle /sys/block/md0/md/sync_action"
READERS, TIMES = 4, 3
WRITES = 200  # at least so many before, without and after the server
NEWS = "cat /tmp/mirror /tmp/blocks /tmp/error /proc/mdstat; dmesg | tail -40"


@pytest.fixture(scope="module")
def mirror(fabric):
    """The machine, with web's mirror of what left and right serve."""
    for name in ("blocks", "mirror"):
        fabric.sh(f"{SSH} root@{WEB} 'cat >/bin/{name}; chmod +x /bin/{name}' "
                  f"</var/lib/mullion/{name}")
    fabric.sh(on(WEB, f"mirror {LEFT} {RIGHT} >/tmp/mirror 2>&1 </dev/null &"))
    wait(fabric, WHOLE)
    return fabric


def wait(run, condition):
    """Waits until a command succeeds in web; no measure of anything: only hangs take so long."""
    run.sh(on(WEB, f"for i in $(seq 300); do {condition} && break; sleep 1; done 2>/dev/null; "
                   f"{condition} || {{ {NEWS}; false; }}"))


def written(run):
    """What the writer says: {what: number}."""
    line = run.sh(on(WEB, "cat /tmp/blocks"))[-1]
    return {word: int(number) for word, number in re.findall(r"(\S+) +(\d+)", line)}


def wait_writes(run):
    """Waits until WRITES more blocks are written."""
    enough = written(run)["writes"] + WRITES
    wait(run, f"[ $(sed \"s/.*writes *//; s/ .*//\" /tmp/blocks) -gt {enough} ]")


def test_two_servers_share_the_reading(mirror, record_property):
    """Several readers of the mirror: neither server sends nearly all of it."""
    servers = ("left", "right")
    part = SERVED // READERS - 1  # MiB; the mirror is a little smaller than what it is made of
    before, exits_before = devices(mirror), exits(mirror, servers)
    mirror.sh(on(WEB, f"for i in $(seq 0 {READERS - 1}); do for j in $(seq {TIMES}); do "
                      f"dd if=/dev/md0 of=/dev/null bs=64k iflag=direct skip=$((i * {part * 16})) "
                      f"count={part * 16} 2>/dev/null; done & done; wait"))
    after, exited = devices(mirror), exits(mirror, servers) - exits_before
    sent = [after[vm]["tx-bytes"] - before[vm]["tx-bytes"] for vm in servers]
    assert sum(sent) >= TIMES * READERS * part << 20
    assert max(sent) < 0.8 * sum(sent), sent
    record_property("seen", f"{sent[0]:,} bytes from one, {sent[1]:,} from the other; "
                            f"{sum(sent) // exited:,} bytes for each exit of theirs")


def test_a_server_is_lost_and_returns(mirror, record_property):
    """A writer that checks each block goes on while one server is killed, gone, and rebuilt."""
    mirror.sh(on(WEB, "blocks /dev/md0 >/tmp/blocks 2>/tmp/error </dev/null &"))
    mirror.sh("sleep 1")
    wait_writes(mirror)
    mirror.sh("mullion kill left")
    wait(mirror, "grep -q 1 /sys/block/md0/md/degraded")
    start = written(mirror)["writes"]
    wait_writes(mirror)
    mirror.sh("mullion start left")
    wait(mirror, WHOLE)
    alone = written(mirror)["writes"] - start
    wait_writes(mirror)
    mirror.sh(on(WEB, "killall blocks"))
    wait(mirror, "grep -q done /tmp/blocks")
    end = written(mirror)
    assert [end[what] for what in ("torn", "misplaced", "lost")] == [0, 0, 0]
    size = compare_halves(mirror)
    record_property("seen", f"{end['writes']:,} blocks written, each compared before it was written "
                            f"anew, {alone:,} of them until the server was whole again; {end['late']} "
                            f"took longer than a second, one of them {end['longest-ms']:,} ms by the "
                            f"client's clock, of which NBD's limit is 5,000; both halves of {size:,} "
                            "bytes equal")


def compare_halves(run):
    """md finds no difference, nor do the servers in what they hold; its size."""
    run.sh(on(WEB, "echo check >/sys/block/md0/md/sync_action"))
    wait(run, "dmesg | grep -q \"data-check done\"")
    mirror = {name: int(run.sh(on(WEB, f"cat /sys/block/md0/{name}"))[-1]) for name in
              ("size", "md/mismatch_cnt", "md/dev-nbd0/offset", "md/dev-nbd1/offset")}
    size = mirror["size"] * 512
    sums = [run.sh(on(server, f"tail -c +{mirror[offset] * 512 + 1} /tmp/leg | head -c {size} | "
                              "sha256sum"))
            for server, offset in ((LEFT, "md/dev-nbd0/offset"), (RIGHT, "md/dev-nbd1/offset"))]
    assert sums[0] == sums[1]
    assert mirror["md/mismatch_cnt"] == 0
    return size
