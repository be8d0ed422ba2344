# SPDX-License-Identifier: Apache-2.0
# Controls of running stock VMs: changed from the service VM's shell, seen in counters and by programs.

import os
import re

from fabric_rig import answers, exits, listed, on
from live_rig import CONTROLS, FILES, VMS, afterwards, machine, quiet  # noqa: F401  fixtures

WEB, DB = VMS["web"], VMS["db"]
CHANGES = int(os.environ.get("LIVE_CHANGES", "500"))
NUMBER = 1000
LOAD = "for i in 1 2 3 4 5; do ls -lR /proc/sys >/dev/null; sleep 0.1; done"
BLOCK = 0x18  # bytes of a control block that say what leaves the guest (AMD APM 2, appendix B)


def test_a_file_at_boot_is_the_file_applied(machine):
    """Both give the control block of a vCPU the same bytes."""
    def block(name):
        line = machine.log_line(rf'info: vm "{name}": start 1, .*, control block at 0x([0-9a-f]+)')
        return machine.qmp.read(int(line[1], 16), BLOCK)
    before = block("web")
    assert before != block("db")
    settings = " ".join("'" + "=".join(line.rsplit(" ", 1)) + "'" for line in CONTROLS.split("; "))
    machine.sh(f"mullion set web {settings}")
    assert block("web") == block("db")
    quiet(machine)
    assert block("web") == block("db") == before


def test_counts_come_and_go(machine, record_property):
    """Counts go from 0 to N to 0 under load; the VM's clock and network do not notice."""
    events = ("rdtsc", "hlt", "cr3", "exception", "port")
    machine.sh("mullion set web 'port 0x80=allow'")
    machine.sh(on(DB, f"(ping -i 0.2 {WEB} >/tmp/pings 2>&1 &)"))
    work = on(WEB, f"{LOAD}; x port 3")

    def worked():
        before = {event: exits(machine, ("web",), event) for event in events}
        machine.sh(work)
        return {event: exits(machine, ("web",), event) - before[event] for event in events}
    assert set(worked().values()) == {0}
    machine.sh("mullion set web rdtsc=count hlt=count cr3=count 'exception 14=count' "
               "'port 0x80=count'")
    seen = worked()
    assert all(count > 0 for count in seen.values()), seen
    quiet(machine)
    machine.sh("mullion set web 'port 0x80=allow'")
    assert set(worked().values()) == {0}
    machine.sh(on(DB, "killall -INT ping; sleep 1"))
    said = " ".join(machine.sh(on(DB, "tail -3 /tmp/pings")))
    sent, got = re.search(r"(\d+) packets transmitted, (\d+) packets received", said).groups()
    assert sent == got
    clocks = machine.sh(f"{on(WEB, 'cat /proc/uptime; sleep 2; cat /proc/uptime')}")
    assert 1.9 < float(clocks[-1].split()[0]) - float(clocks[-2].split()[0]) < 20
    record_property("seen", f"0, then {seen}, then 0; {got} of {sent} packets")


def test_four_vms_four_settings(machine, record_property):
    """Each has what its own lines say, at once, and nothing of the others'."""
    settings = {"web": "rdtsc", "db": "hlt", "mail": "cr3", "ftp": "exception"}
    for name, event in settings.items():
        key = "exception 14" if event == "exception" else event
        machine.sh(f"mullion set {name} '{key}=count'")
    before = {(name, event): exits(machine, (name,), event)
              for name in VMS for event in settings.values()}
    for address in VMS.values():
        machine.sh(on(address, LOAD))
    seen = {at: exits(machine, (at[0],), at[1]) - count for at, count in before.items()}
    for (name, event), count in seen.items():
        assert (count > 0) == (settings[name] == event), seen
    quiet(machine)
    record_property("seen", ", ".join(f"{name} {event} {seen[name, event]}"
                                      for name, event in settings.items()))


def test_counts_are_exact(machine, record_property):
    """A program does something a thousand times: so many exits, and no fewer."""
    machine.sh("mullion set mail 'exception 6=count' pause=count rdtsc=count 'exception 3=count'")
    seen = {}
    for name, event in (("ud2", "exception"), ("pause", "pause"), ("rdtsc", "rdtsc")):
        before = exits(machine, ("mail",), event)
        assert machine.sh(on(VMS["mail"], f"x {name} {NUMBER}"))[-1] == "done"
        seen[name] = exits(machine, ("mail",), event) - before
    assert seen["ud2"] == NUMBER  # the kernel has none of its own
    assert seen["pause"] >= NUMBER and seen["rdtsc"] >= NUMBER, seen
    said = machine.sh(on(VMS["mail"], "x int3 1; echo status $?"))
    assert said[-1] == f"status {128 + 5}", said  # SIGTRAP, as without a control
    record_property("seen", f"{NUMBER} times each: {seen}")


def test_denied(machine, record_property):
    """A denied MSR is a #GP, of which Linux makes an I/O error; it carries on."""
    read = ("dd if=/dev/cpu/0/msr of=/dev/null bs=8 count=1 skip=139 iflag=skip_bytes "
            "2>/root/said")
    machine.sh(f"modprobe msr; {read}")
    machine.sh("mullion set host 'msr 0x8b read=deny'")
    machine.sh(f"! {read}; grep 'Input/output error' /root/said")
    before = exits(machine, ("host",), "msr")
    machine.sh("mullion set host 'msr 0x8b read=count'")
    machine.sh(read)
    assert exits(machine, ("host",), "msr") > before
    record_property("seen", "EIO while the MSR is denied, its value before and afterwards")


def test_stop_and_resume(machine, record_property):
    """A VM pauses where it does what a line names; others run on; resumed, it goes on from there."""
    machine.sh("mullion set web 'exception 6=stop'")
    machine.sh(f"({on(WEB, 'x ud2 1')} >/root/done 2>&1 &)")
    machine.sh("for i in $(seq 50); do mullion list | grep -q 'web .*paused' && break; sleep 0.2; "
               "done; mullion list | grep 'web .*paused'")
    before = exits(machine, ("web",))
    machine.sh(on(DB, f"! ping -c 2 -W 1 {WEB}"))
    machine.sh(on(DB, f"ping -c 2 {VMS['mail']}"))
    assert exits(machine, ("web",)) == before
    assert "not paused" in machine.sh("mullion resume db 2>&1; test $? = 1")[-1]
    machine.sh("mullion set web 'exception 6=pass'")  # also while it is paused
    machine.sh("mullion resume web; for i in $(seq 50); do grep -q done /root/done && break; "
               "sleep 0.2; done; grep done /root/done")
    machine.sh(on(DB, f"ping -c 2 {WEB}"))
    machine.log_line(r'info: vm "web": paused at an exception, core \d+, ')
    record_property("seen", "paused at an undefined instruction, resumed, and its program ended well")


def test_network_and_peers(machine, record_property):
    """A VM moves to another network, and gets a peer for its sockets, while it runs; and back."""
    connect = on(DB, "echo hello | socat -t 5 - VSOCK-CONNECT:4:900 2>&1")
    listen = on(WEB, "socat -u VSOCK-LISTEN:900 STDOUT")
    machine.sh(f"({listen} >/root/heard 2>&1 &) ; sleep 2")
    assert "reset" in " ".join(machine.sh(f"{connect}; true")).lower()
    machine.sh("mullion set db peers=web")
    machine.sh(connect)
    machine.sh("for i in $(seq 25); do grep -q hello /root/heard && break; sleep 0.2; done; "
               "grep hello /root/heard")
    machine.sh(on(DB, f"ping -c 1 {WEB}"))
    machine.sh("mullion set web network=wan")
    machine.sh(on(DB, f"! ping -c 2 -W 1 {WEB}"))
    said = machine.sh("mullion set web network=none 2>&1; test $? = 1")
    assert any("destroy it first" in line for line in said), said
    machine.sh("mullion undo")
    machine.sh(on(DB, f"ping -c 2 {WEB}"))
    record_property("seen", "no connection, then one; packets, then none, then packets again")


def test_all_or_nothing(machine):
    """One setting that cannot be, among ten that can: nothing is changed, and it is named."""
    now = machine.sh("mullion config")
    good = ("rdtsc=count hlt=log cr3=count cr0=count cr4=count dr=count invlpg=count pause=count "
            "mwait=deny xsetbv=count")
    for bad, word in (("msr 0xc0000080=allow", "belong to the monitor"),
                      ("msr 0xc0000100=count", "switched with the guest"),
                      ("port 0xcf8=allow", "belong to the monitor"),
                      ("pause=deny", "pause deny is not known")):
        said = " ".join(machine.sh(f"mullion set web {good} '{bad}' 2>&1; test $? = 1"))
        assert word in said, said
        assert machine.sh("mullion config") == now


def test_like_another(machine, record_property):
    """While four VMs run, one more is made like one of them, with a profile; it answers by its own
    address, and the others are not touched."""
    before, address = listed(machine), "10.77.0.20"
    machine.sh("echo 'profile traced { cr3 count; rdtsc count }' >/root/profiles")
    machine.sh("words=$(mullion show mail | sed -n 's/^ *cmdline \\(\".*\"\\)$/\\1/p' | "
               f"sed 's/10[.]77[.]0[.][0-9]*/{address}/')")
    machine.sh("mullion create cache --like mail --profile traced --file /root/profiles rdtsc=pass "
               "\"cmdline=$words\" && mullion start cache")
    machine.sh(answers(address))
    machine.sh(on(address, f"ping -c 2 {WEB}"))
    machine.sh(on(DB, f"ping -c 2 {address}"))
    counts = {event: exits(machine, ("cache",), event) for event in ("cr3", "rdtsc")}
    assert counts["cr3"] > 0 and counts["rdtsc"] == 0, counts
    now = listed(machine)
    assert {name: now[name] for name in VMS} == {name: before[name] for name in VMS}
    machine.sh("mullion destroy cache")
    assert listed(machine) == before
    record_property("seen", f"it answers ssh and pings; its exits by the profile: {counts}")


def test_the_file_of_the_next_boot(machine):
    """What is applied with --save is in it, and then `list` marks what is not as it says."""
    saved, kept = "/boot/mullion/mullion.conf", machine.sh("cat /root/quiet")
    machine.sh(f"mkdir /boot/mullion; cp /root/quiet {saved}")
    assert not any("*" in line for line in machine.sh("mullion list"))
    machine.sh("mullion set db hlt=count")
    marked = [line.split()[0] for line in machine.sh("mullion list") if " running* " in line]
    assert marked == ["db"]
    assert machine.sh(f"mullion diff {saved}") == ["~ db: hlt is count, would be pass"]
    machine.sh("mullion config >/root/now; mullion apply --save /root/now")
    assert not any("*" in line for line in machine.sh("mullion list"))
    assert machine.sh(f"cat {saved}") == machine.sh("cat /root/now") != kept
    assert machine.sh(f"cat {saved}~") == kept
    machine.sh("mullion set --save web rdtsc=count; mullion undo")
    marked = [line.split()[0] for line in machine.sh("mullion list") if " running* " in line]
    assert marked == ["web"]
    machine.sh("rm -r /boot/mullion")


def test_trace(machine, record_property):
    """Logged events are told with their address; what the ring has lost is told, too."""
    old = machine.sh("mullion trace --seconds 1 --event exception-6 web | grep -c 0x; true")
    machine.sh("mullion set web cr3=log 'exception 6=log'")
    machine.sh(f"mullion trace --seconds 8 --summary web >/root/trace & sleep 2; "
               f"{on(WEB, f'{LOAD}; x ud2 5')}; wait")
    said = machine.sh("cat /root/trace")
    events = {line.split()[0]: line.split()[1] for line in said if len(line.split()) == 2}
    assert int(events["cr3"]) > 0 and int(events["exception-6"]) == 5 + int(old[-1]), said
    machine.sh("mullion set web cr3=pass")
    machine.sh(f"mullion trace --seconds 8 web >/root/trace & sleep 2; {on(WEB, 'x ud2 3000')}; wait")
    lost = machine.sh("grep -c ' lost' /root/trace")
    assert int(lost[-1]) > 0
    record_property("seen", f"{events}; of 3,000 in one go some are lost, as it says")


def test_random_changes(machine, record_property):
    """Valid changes by chance, under load: the work's result is right, and the last one holds."""
    machine.sh(on(WEB, "head -c 3000000 /dev/urandom >/tmp/data; md5sum /tmp/data >/tmp/sum; touch /tmp/go; "
                       "(while [ -e /tmp/go ]; do md5sum -c /tmp/sum >>/tmp/sums 2>&1; "
                       "echo >>/tmp/rounds; done &)"))
    machine.sh(f"mkdir /root/c; awk -v N={CHANGES} -v FOLDER=/root/c -f {FILES}/changes.awk "
               f"/root/quiet; (for i in $(seq {CHANGES}); do mullion apply /root/c/$i || exit 1; done) "
               ">/root/applied 2>&1", seconds=300 + 2 * CHANGES)
    assert machine.sh(f"mullion diff /root/c/{CHANGES}") == []
    machine.sh(on(WEB, "rm /tmp/go; while pidof md5sum; do sleep 0.2; done"))
    rounds = int(machine.sh(on(WEB, "wc -l </tmp/rounds"))[-1])
    assert rounds > 0 and machine.sh(on(WEB, "sort -u /tmp/sums")) == ["/tmp/data: OK"]
    record_property("seen", f"{CHANGES} changes, {rounds} rounds of the work, each right")


def test_two_editors_and_undo(machine):
    """The second one, who began from what was before the first, is refused; undo takes back."""
    before = machine.sh("mullion config")
    said = " ".join(machine.sh(f"EDITOR='sh {FILES}/editor.sh' mullion edit </dev/null 2>&1; "
                               "test $? != 0"))
    assert "db" in said and "hlt" in said, said
    assert any("hlt count" in line for line in machine.sh("mullion config"))
    assert not any("rdtsc" in line for line in machine.sh("mullion config"))
    machine.sh("mullion undo")
    assert machine.sh("mullion config") == before
