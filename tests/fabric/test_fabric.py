# SPDX-License-Identifier: Apache-2.0
# What kernels share, through stock programs: the service VM's Debian and two VMs on its network.

from fabric_rig import DB, MAIL, WEB, answers, devices, on
from rounds import MAIL_FILE, come_and_go, restart_service, write_mail

STREAM = 16 << 20  # bytes
CYCLES = 200  # 1,000 in long_rounds
RESTARTS = 2  # 20


def test_ssh_and_the_way_out(fabric, record_property):
    """Names are the kernels' own; a VM reaches the outside through the service VM's card."""
    assert fabric.sh(on(WEB, "hostname"))[-1] == "web"
    assert fabric.sh(on(DB, "hostname"))[-1] == "db"
    fabric.sh(on(WEB, f"ping -c 2 {DB}"))
    fabric.sh(on(DB, "ping -c 2 10.0.2.2"))
    listed = fabric.sh("mullion list")
    assert [line.split()[0] for line in listed] == ["VM", "host", *(vm.name for vm in fabric.machine.vms[1:])]
    record_property("seen", "ssh into two VMs, VM to VM, VM to the emulator's host")


def test_stream(fabric, record_property):
    """A TCP stream between two VMs arrives as it was sent, in large units."""
    before = devices(fabric)
    fabric.sh(on(DB, f"head -c {STREAM} /dev/urandom >/tmp/sent"))
    sent = fabric.sh(on(DB, "sha256sum </tmp/sent"))[-1]
    fabric.sh(f"{on(WEB, 'socat -u TCP-LISTEN:5000,reuseaddr STDOUT | sha256sum')} >/tmp/got & "
              f"sleep 2; {on(DB, f'socat -u FILE:/tmp/sent TCP:{WEB}:5000')}; wait")
    assert fabric.sh("cat /tmp/got")[-1] == sent
    after = devices(fabric)
    moved = after["web"]["rx-bytes"] - before["web"]["rx-bytes"]
    frames = after["web"]["rx"] - before["web"]["rx"]
    kicks = sum(after[vm]["kicks"] - before[vm]["kicks"] for vm in ("web", "db"))
    assert moved >= STREAM
    record_property("seen", f"{moved:,} bytes in {frames:,} frames; {moved // kicks:,} bytes a kick "
                            "of both ends, ssh included")


def test_sockets(fabric, record_property):
    """AF_VSOCK between peers, in both directions; nobody else gets through."""
    vms = {line.split()[0]: line.split()[1] for line in fabric.sh("mullion list")[1:]}
    fabric.sh(on(WEB, "head -c 3000000 /dev/urandom >/tmp/there"))
    sums = [fabric.sh(on(WEB, "sha256sum </tmp/there"))[-1],
            fabric.sh(on(DB, "sha256sum </tmp/sent"))[-1]]
    fabric.sh(on(WEB, "socat VSOCK-LISTEN:1234 OPEN:/tmp/there!!CREATE:/tmp/back "
                      "</dev/null >/tmp/log 2>&1 &"))
    fabric.sh("sleep 1; " + on(DB, f"socat -t 20 VSOCK-CONNECT:{vms['web']}:1234 "
                                   "OPEN:/tmp/sent!!CREATE:/tmp/got"))
    got = [fabric.sh(on(DB, "sha256sum </tmp/got"))[-1],
           fabric.sh("sleep 1; " + on(WEB, "sha256sum </tmp/back"))[-1]]
    assert got == sums
    refused = fabric.sh(f"socat -T 5 - VSOCK-CONNECT:{vms['web']}:1234 </dev/null 2>&1 || true")
    assert any("reset" in line.lower() for line in refused), refused
    record_property("seen", f"{3000000 + STREAM:,} bytes, both directions at once; no peer: reset")


def test_spoofing(fabric, record_property):
    """A VM that takes another address is not heard, and what it sends is counted."""
    before = devices(fabric)["db"]["drops"]
    fabric.sh(on(DB, "(sleep 1; ip link set eth0 address 02:00:00:00:00:99; "
                     f"ping -c 3 -W 1 {WEB} >/tmp/spoof; ip link set eth0 address $(cat /tmp/mac); "
                     "touch /tmp/spoofed) >/dev/null 2>&1 & cat /sys/class/net/eth0/address >/tmp/mac"))
    fabric.sh(f"sleep 4; {answers(DB)}")  # nobody can ask it meanwhile
    said = fabric.sh(on(DB, "for i in $(seq 60); do [ -e /tmp/spoofed ] && break; sleep 1; done; "
                            "cat /tmp/spoof"))
    assert any("100% packet loss" in line for line in said), said
    dropped = devices(fabric)["db"]["drops"] - before
    assert dropped > 0
    record_property("seen", f"{dropped} frames with a false address dropped")


def test_nfs(fabric, record_property):
    """Two VMs mount the service VM's export at once and see each other's files."""
    for address in (WEB, DB):
        fabric.sh(on(address, "mkdir -p /mnt/nfs; mount -t nfs4 -o addr=10.77.0.1,vers=4.2 "
                              "10.77.0.1:/srv/share /mnt/nfs"))
    fabric.sh(on(WEB, "cp /tmp/there /mnt/nfs/from-web; sync"))
    sums = {fabric.sh(command)[-1].split()[0] for command in
            (on(DB, "sha256sum /mnt/nfs/from-web"), on(WEB, "sha256sum /tmp/there"),
             "sha256sum /srv/share/from-web")}
    assert len(sums) == 1
    for address in (WEB, DB):
        fabric.sh(on(address, "umount /mnt/nfs"))
    record_property("seen", "3,000,000 bytes written by one, read by the other and the server")


def test_root_over_nbd(fabric, record_property):
    """An ext4 root file system on the service VM's disk, over NBD, in which a shell runs."""
    fabric.sh("mkfs.ext4 -q -F /srv/nbd/disk.img; mount /srv/nbd/disk.img /mnt; "
              "mkdir -p /mnt/bin /mnt/proc; cp /usr/bin/busybox /mnt/bin/ 2>/dev/null; umount /mnt; "
              "systemctl restart nbd-server")
    fabric.sh(on(WEB, "nbd-client -N disk 10.77.0.1 /dev/nbd0 >/dev/null; mkdir -p /mnt/root; "
                      "mount /dev/nbd0 /mnt/root; cp /bin/busybox /mnt/root/bin/sh"))
    said = fabric.sh(on(WEB, "echo \"echo in-the-root; echo written >/file\" | "
                             "chroot /mnt/root /bin/sh; umount /mnt/root; "
                             "nbd-client -d /dev/nbd0 >/dev/null"))
    assert "in-the-root" in said
    assert fabric.sh("mount /srv/nbd/disk.img /mnt; cat /mnt/file; umount /mnt")[-1] == "written"
    record_property("seen", "a root on ext4 over NBD, its file found on the server")


def test_vms_come_and_go(fabric, record_property):
    """A VM is made of a file, answers ssh, is stopped and destroyed; cycles leave nothing behind."""
    write_mail(fabric)
    fabric.sh(f"mullion create {MAIL_FILE} && mullion start mail; {answers(MAIL)}")
    assert fabric.sh(on(MAIL, "hostname"))[-1] == "mail"
    fabric.sh("mullion config >/root/now; mullion diff /root/now")
    assert fabric.sh("mullion console mail </dev/null | grep -c MULLION-REPORT.name=mail")[-1] == "1"
    fabric.sh("mullion stop mail; mullion destroy mail")
    assert fabric.sh("cat /sys/devices/system/cpu/online")[-1] == "0-1"
    record_property("seen", come_and_go(fabric, CYCLES))


def test_the_service_vm_restarts(fabric, record_property):
    """Its reboots, under load, are nobody else's: the others talk on, and are found as they were."""
    record_property("seen", restart_service(fabric, RESTARTS))
