# SPDX-License-Identifier: Apache-2.0
# Sockets between VMs where one end does not take what it is sent: a stopped program, then a dead kernel.

import re

import pytest

from fabric_rig import DB, LEFT, WEB, answers, devices, exits, listed, on

SIZE = 4 << 20  # bytes: far more than may be on the way
STOPPED, NEVER, OTHER, OPEN = 2000, 2001, 2002, 2003  # ports


@pytest.fixture(scope="module")
def cids(fabric):
    """{address: CID}; each of these VMs has a file to send."""
    words = listed(fabric)
    for address in (WEB, DB):
        fabric.sh(on(address, f"head -c {SIZE} /dev/urandom >/tmp/stream"))
    return {WEB: words["web"][1], DB: words["db"][1], LEFT: words["left"][1]}


def digest(run, address, file="/tmp/stream"):
    """A file's checksum."""
    return run.sh(on(address, f"sha256sum <{file}"))[-1]


def carried(run, cids, source, target):
    """Whether a stream gets through."""
    listen, connect = f"VSOCK-LISTEN:{OTHER}", f"VSOCK-CONNECT:{cids[target]}:{OTHER}"
    run.sh(f"{on(target, f'timeout 60 socat -u {listen} STDOUT | sha256sum')} >/tmp/got & sleep 2; "
           f"{on(source, f'timeout 60 socat -u OPEN:/tmp/stream {connect}')}; wait")
    return run.sh("cat /tmp/got")[-1] == digest(run, source)


def send(run, cids, port, options, file):
    """Starts a sender of web's to db; /tmp/sender then has what it said and how it ended."""
    run.sh(on(WEB, f"rm -f /tmp/sender; (socat -u {options} OPEN:{file} "
                   f"VSOCK-CONNECT:{cids[DB]}:{port} 2>&1; echo ended $?) "
                   "</dev/null >/tmp/sender 2>&1 &"))


def sender(run):
    """What the sender has said."""
    return run.sh(on(WEB, "cat /tmp/sender"))


def wait_sender(run):
    """Waits for its end."""
    run.sh(on(WEB, "for i in $(seq 60); do grep -q ended /tmp/sender && break; sleep 1; done; "
                   "grep ended /tmp/sender"))


def wait_receiver(run, address):
    """Waits until no socat runs there: it has written what came."""
    run.sh(on(address, "for i in $(seq 60); do pidof socat >/dev/null || break; sleep 1; done; "
                       "! pidof socat"))


def half_sent(run, cids):
    """Half of a stream of web's to left; the other half follows once /tmp/go is there."""
    run.sh(on(LEFT, f"socat -u VSOCK-LISTEN:{OPEN} OPEN:/tmp/open,creat,trunc </dev/null >/tmp/log "
                    "2>&1 & sleep 1"))
    run.sh(on(WEB, f"(head -c {SIZE // 2}; until [ -e /tmp/go ]; do sleep 1; done; cat) </tmp/stream "
                   f"2>/dev/null | socat -u STDIN VSOCK-CONNECT:{cids[LEFT]}:{OPEN} >/tmp/log 2>&1 &"))


def test_a_stopped_receiver(fabric, cids, record_property):
    """Its stream waits, all others go on; let go on itself, it gets every byte."""
    fabric.sh(on(DB, f"socat -u VSOCK-LISTEN:{STOPPED} OPEN:/tmp/late,creat,trunc </dev/null "
                     ">/tmp/log 2>&1 & sleep 1; killall -STOP socat"))
    send(fabric, cids, STOPPED, "", "/tmp/stream")
    for source, target in ((WEB, DB), (DB, WEB), (WEB, LEFT)):
        assert carried(fabric, cids, source, target), (source, target)
    assert sender(fabric) == []
    fabric.sh(on(DB, "[ ! -s /tmp/late ]"))
    fabric.sh(on(DB, "killall -CONT socat"))
    wait_sender(fabric)
    assert sender(fabric) == ["ended 0"]
    wait_receiver(fabric, DB)
    assert digest(fabric, DB, "/tmp/late") == digest(fabric, WEB)
    record_property("seen", f"{SIZE:,} bytes waited while three other streams of as many went "
                            "through, then arrived as they were sent")


def test_a_receiver_that_never_refills(fabric, cids, record_property):
    """A kernel that has stopped for good costs the connections to it; the sender's others go on."""
    half_sent(fabric, cids)
    fabric.sh(on(DB, f"echo 0 >/proc/sys/kernel/panic; socat -u VSOCK-LISTEN:{NEVER} "
                     "OPEN:/dev/null </dev/null >/tmp/log 2>&1 & sleep 1"))
    send(fabric, cids, NEVER, "-b 64", "/dev/zero")  # credit for more packets than there is room
    assert fabric.sh(on(WEB, "sleep 2; cat /tmp/sender")) == []
    drops, kicks = devices(fabric, "vsock")["web"]["drops"], exits(fabric, ["web"], "virtio")
    fabric.sh(on(DB, "(sleep 1; echo c >/proc/sysrq-trigger) </dev/null >/dev/null 2>&1 &"))
    fabric.vm_line("db", "end Kernel panic")
    fabric.sh(on(WEB, "touch /tmp/go"))
    wait_receiver(fabric, LEFT)
    assert digest(fabric, LEFT, "/tmp/open") == digest(fabric, WEB)
    wait_sender(fabric)
    said = sender(fabric)
    assert said[-1] == "ended 1" and re.search("reset|Broken pipe", said[0]), said
    assert listed(fabric)["db"][5] == "running"  # nobody has noticed, nor taken its rings away
    assert carried(fabric, cids, WEB, LEFT)
    drops = devices(fabric, "vsock")["web"]["drops"] - drops
    kicks = exits(fabric, ["web"], "virtio") - kicks
    assert drops > 0
    fabric.sh(f"mullion kill db; mullion start db; {answers(DB)}")
    assert carried(fabric, cids, WEB, DB)
    record_property("seen", f"the connection to it was reset after {drops} packets too many and "
                            f"{kicks:,} kicks; an open stream of {SIZE:,} bytes, and a new one, went "
                            "past; restarted, it is reached again")
