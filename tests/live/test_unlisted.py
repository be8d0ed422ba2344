# SPDX-License-Identifier: Apache-2.0
# What a stock VM uses though nothing lists it: audited, suggested as lines, closed. Changes in the log.

import json
import re

from fabric_rig import on
from live_rig import VMS, afterwards, give_programs, machine  # noqa: F401  fixtures

CONSTANT, SETTING, ENERGY = 0x3a, 0xc0010064, 0xc001029b  # MSRs: audit allows the first two
DD = "dd if=/dev/cpu/0/msr of=/root/value bs=8 count=1 skip={} iflag=skip_bytes 2>/dev/null"
DD_WRITE = "dd of=/dev/cpu/0/msr if=/root/random bs=8 count=1 seek={} oflag=seek_bytes 2>/dev/null"


def lines(run, name):
    """The lines that `mullion suggest` prints for a VM's block, with their comments."""
    return [line for line in run.sh(f"mullion suggest {name}") if not line.strip().startswith("#")]


def apply_suggested(run, name, word):
    """The printed lines at the begin of the VM's block, and `unlisted deny`, in one change."""
    run.sh(f"mullion suggest {name} >/root/lines; cat /root/lines; mullion config | awk '"
           f'$1 == "unlisted" && mine {{ next }} {{ print }} $1 == "}}" {{ mine = 0 }} '
           f'/^{word} {name} / {{ mine = 1; while ((getline line < "/root/lines") > 0) print line; '
           "print \"unlisted deny\" }' >/root/closed; mullion check /root/closed; "
           "mullion apply /root/closed")


def reboot(run, name):
    run.sh(f"mullion reboot {name}")
    give_programs(run, name)


def denied(run, name):
    """[ports, MSRs] that the VM was denied so far."""
    for vm in json.loads(" ".join(run.sh("mullion stats --json")))["denied"]:
        if vm["vm"] == name:
            return [vm["ports"], vm["msrs"]]
    raise AssertionError(name)


def log(run, pattern):
    """The lines of the monitor's own log, from its ring: the port may lose bytes under load."""
    return run.sh(f"mullion log | grep -E '^\\[ *[0-9.]+\\] .*{pattern}'; true")


def test_audit_becomes_lines(machine, record_property):
    """A stock Linux boots audited; with the suggested lines and `unlisted deny` it boots again, is
    answered the same, and nothing is unlisted any more; without them it is."""
    machine.sh("mullion set ftp unlisted=audit")
    at_boot = denied(machine, "ftp")
    reboot(machine, "ftp")
    events = machine.sh("mullion trace --seconds 1 --event unlisted --summary ftp")
    assert any(line.startswith("unlisted-port-read ") for line in events), events
    suggested = lines(machine, "ftp")
    assert suggested and all("audit and deny answer alike" in line for line in suggested), suggested
    assert lines(machine, "mail"), "another VM's accesses at its boot are not known"
    apply_suggested(machine, "ftp", "vm")
    at_audit, logged = denied(machine, "ftp"), log(machine, '"ftp": .* denied')
    reboot(machine, "ftp")
    assert lines(machine, "ftp") == []
    seen = machine.sh("mullion trace --seconds 1 --event unlisted --summary ftp")
    assert seen == events, "a closed VM has events"
    assert set(log(machine, '"ftp": .* denied')) <= set(logged)
    at_deny = [now - then for now, then in zip(denied(machine, "ftp"), at_audit)]
    assert at_deny == [now - then for now, then in zip(at_audit, at_boot)], "it was answered otherwise"
    record_property("seen", f"{len(suggested)} lines: " + ", ".join(
        line.split("#")[0].strip() for line in suggested))


def test_harmless_msrs_are_allowed(machine, record_property):
    """Constants are read and writes of them go nowhere while audited, and with the lines; what
    tells of others is denied in both."""
    machine.sh("modprobe msr; head -c 8 /dev/urandom >/root/random")

    def outcomes():
        """Of a read, a write and a read: is it done (0), and the value that was read last."""
        said = machine.sh("; ".join(
            f"{words.format(msr)}; echo done $? value $(od -An -tx8 /root/value)"
            for msr in (CONSTANT, SETTING, ENERGY) for words in (DD, DD_WRITE, DD)))
        return [(line.split()[1], line.split()[3:]) for line in said]
    assert [done for done, _ in outcomes()] == ["1"] * 9
    machine.sh("mullion set host unlisted=audit")
    audited = outcomes()
    assert [done for done, _ in audited] == ["0"] * 6 + ["1"] * 3, audited
    assert audited[0] == audited[2] and audited[3] == audited[5], "a write has arrived"
    said = [" ".join(line.split()) for line in lines(machine, "host")]
    assert said == [
        f"msr {CONSTANT:#x} read allow # 2 times", f"msr {CONSTANT:#x} write ignore # 1 time",
        f"msr {SETTING:#x} read allow # 2 times", f"msr {SETTING:#x} write ignore # 1 time",
        f"msr {ENERGY:#x} deny # 3 times; audit and deny answer alike"], said
    apply_suggested(machine, "host", "service")
    assert outcomes() == audited
    assert lines(machine, "host") == []
    record_property("seen", "; ".join(line.split(" #")[0] for line in said))


def test_changes_are_logged(machine, record_property):
    """Old and new of each setting, with the generation; nothing for what is refused."""
    def logged():
        """(generation, line) of each that the ring still has."""
        said = [line.split("info: ")[1] for line in log(machine, " -> .*generation")]
        return [(int(re.search(r"generation (\d+)", line)[1]), line) for line in said]
    last = max((number for number, _ in logged()), default=0)
    machine.sh("mullion set web rdtsc=count 'port 0x80=log' unlisted=audit")
    machine.sh("mullion set web hlt=count 'msr 0xc0000080=allow'; test $? = 1")
    machine.sh("mullion set web rdtsc=pass")
    new = [(number, line) for number, line in logged() if number > last]
    assert [re.sub(r"generation \d+", "generation N", line) for _, line in new] == [
        'vm "web": rdtsc pass -> count (generation N)',
        'vm "web": unlisted deny -> audit (generation N)',
        'vm "web": port-0x80-0x80 none -> log (generation N)',
        'vm "web": rdtsc count -> pass (generation N)'], new
    assert new[0][0] == new[2][0] < new[3][0]
    record_property("seen", new[-1][1])
