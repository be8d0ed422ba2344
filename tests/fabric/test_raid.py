# SPDX-License-Identifier: Apache-2.0
# Cooperative I/O: two VMs serve a block device each (NBD), a third mirrors them (md RAID-1) and never notices
# that one of them is killed and comes back with nothing.

import re

import pytest

from fabric_rig import LEFT, RIGHT, SERVED, SSH, WEB, devices, on

WHOLE = "grep -q 0 /sys/block/md0/md/degraded && grep -q idle /sys/block/md0/md/sync_action"
READERS = 4


@pytest.fixture(scope="module")
def mirror(fabric):
    """The machine, with web's mirror of what left and right serve. Nothing is typed there after this."""
    for name in ("blocks", "mirror"):
        fabric.sh(f"{SSH} root@{WEB} 'cat >/bin/{name}; chmod +x /bin/{name}' "
                  f"</var/lib/mullion/{name}")
    fabric.sh(on(WEB, f"mirror {LEFT} {RIGHT} >/tmp/mirror 2>&1 </dev/null &"))
    wait(fabric, WHOLE)
    return fabric


def wait(run, condition):
    """Waits until a command succeeds in web."""
    run.sh(on(WEB, f"for i in $(seq 100); do {condition} && break; sleep 1; done 2>/dev/null; "
                   f"{condition} || {{ cat /tmp/mirror /tmp/blocks /tmp/error /proc/mdstat; dmesg | tail -40; false; }}"))


def written(run):
    """What the writer says: {what: number}."""
    line = run.sh(on(WEB, "cat /tmp/blocks"))[-1]
    return {word: int(number) for word, number in re.findall(r"(\S+) +(\d+)", line)}


def wait_writes(run, more):
    """Waits until so many more blocks are written; how many there are."""
    now = written(run)["writes"]
    wait(run, f"[ $(sed \"s/.*writes *//; s/ .*//\" /tmp/blocks) -gt {now + more} ]")
    return written(run)["writes"]


def test_two_servers_share_the_reading(mirror, record_property):
    """Several readers of the mirror: each server sends a part of it."""
    before = devices(mirror)
    part = SERVED // READERS - 1
    mirror.sh(on(WEB, f"for i in $(seq 0 {READERS - 1}); do dd if=/dev/md0 of=/dev/null bs=64k "
                      f"iflag=direct skip=$((i * {part * 16})) count={part * 16} 2>/dev/null & "
                      "done; wait"))
    after = devices(mirror)
    open("/tmp/h/raid/build/out","w").write("\n".join(mirror.sh("mullion stats; mullion list; mullion stats left;mullion stats --json left")))
    sent = [after[vm]["tx-bytes"] - before[vm]["tx-bytes"] for vm in ("left", "right")]
    assert sum(sent) >= READERS * part << 20
    assert max(sent) < 0.7 * sum(sent), sent
    record_property("seen", f"{sent[0]:,} bytes from one, {sent[1]:,} from the other")


def test_a_server_is_lost_and_returns(mirror, record_property):
    """A writer that checks each block goes on while one server is killed, gone, and rebuilt."""
    mirror.sh(on(WEB, "blocks /dev/md0 >/tmp/blocks 2>/tmp/error </dev/null &"))
    mirror.sh("sleep 1")
    both = wait_writes(mirror, 200)
    mirror.sh("mullion kill left")
    wait(mirror, "grep -q 1 /sys/block/md0/md/degraded")
    start = written(mirror)["writes"]
    alone = wait_writes(mirror, 200) - start
    mirror.sh("mullion start left")
    wait(mirror, WHOLE)
    wait_writes(mirror, 200)
    mirror.sh(on(WEB, "killall blocks"))
    wait(mirror, "grep -q done /tmp/blocks")
    end = written(mirror)
    open("/tmp/h/raid/build/out2","w").write(str((end, both, alone, mirror.sh(on(WEB, "cat /tmp/mirror /tmp/error; dmesg | tail -60")))))
    assert [end[what] for what in ("torn", "misplaced", "lost")] == [0, 0, 0]
    mirror.sh(on(WEB, "echo check >/sys/block/md0/md/sync_action"))
    wait(mirror, WHOLE)
    assert mirror.sh(on(WEB, "cat /sys/block/md0/md/mismatch_cnt"))[-1] == "0"
    size = int(mirror.sh(on(WEB, "cat /sys/block/md0/size"))[-1]) * 512
    sums = []
    for number, server in enumerate((LEFT, RIGHT)):
        offset = int(mirror.sh(on(WEB, f"cat /sys/block/md0/md/dev-nbd{number}/offset"))[-1]) * 512
        sums += mirror.sh(on(server, f"tail -c +{offset + 1} /tmp/leg | head -c {size} | sha256sum"))
    assert sums[0] == sums[1]
    record_property("seen", f"{end['writes']:,} blocks written and compared, {alone:,} of them "
                            f"without the server; {end['late']} waited for more than a second; "
                            f"both halves of {size:,} bytes equal")
