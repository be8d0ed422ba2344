# SPDX-License-Identifier: Apache-2.0
# What is done over and over: VMs that come and go, restarts of the service VM. Each says what was seen.

import re

from debian_rig import SECONDS
from fabric_rig import DB, MAIL, SSH, WEB, answers, listed, on

MAIL_FILE = "/root/mail.conf"
# The disk and the VMs' network are busy to the end, the machine's own card until just before: QEMU's e1000e keeps
# its receive ring through D3hot, though it says otherwise. A frame that comes after the next driver has let it be
# master again, and before it resets it, ends QEMU with an assertion.
LOAD = (f"(dd if=/dev/sda of=/dev/null bs=1M & {SSH} root@{WEB} cat /dev/zero & ) >/dev/null 2>&1; "
        "ping -f -q -w 2 10.0.2.2 >/dev/null")


def write_mail(run):
    """The file of a small VM."""
    block = ("vm mail {\\n cpus 1\\n memory 160M\\n kernel vmlinuz\\n initrd net.img\\n "
             f"cmdline \"console=ttyS0 mullion.name=mail mullion.ip={MAIL}\"\\n network lan\\n}}\\n")
    run.sh(f"printf '{block}' >{MAIL_FILE}")


def numbers(run):
    """The pool's free memory and the monitor's own in use."""
    text = " ".join(run.sh("mullion machine --json"))
    return [int(re.search(pattern, text)[1]) for pattern in (r'"memory-free": (\d+)',
                                                             r'"used": (\d+)')]


def come_and_go(run, cycles):
    """It is created, started and destroyed so often: nothing is left of it."""
    one = f"mullion create {MAIL_FILE} && mullion start mail && mullion destroy mail"
    run.sh(one)  # for which the monitor may have taken memory of the pool for its own
    before = numbers(run)
    run.sh(f"(for i in $(seq {cycles}); do {one} || exit 1; done) >/root/cycles",
           seconds=SECONDS + cycles * 3)
    assert numbers(run) == before
    assert run.sh("cat /sys/devices/system/cpu/online")[-1] == "0-1"
    run.sh(on(WEB, f"ping -c 1 {DB}"))
    return (f"{cycles:,} cycles; free memory and the monitor's own are as before: {before[0]:,} and "
            f"{before[1]:,} bytes")


def restart_service(run, rounds):
    """It reboots so often, its disk and both its networks busy; the others are as they were."""
    first = listed(run)
    starts = int(first.pop("host")[6])
    run.sh(on(WEB, f"(ping -i 0.5 {DB} >/tmp/pings 2>&1 &)"))
    for number in range(starts + 1, starts + 1 + rounds):
        run.type_service(f"{LOAD}; reboot")
        run.prompt(number)
        now = listed(run)
        assert now.pop("host")[6] == str(number)
        assert [words[5:7] for words in now.values()] == [words[5:7] for words in first.values()]
        run.sh(answers(WEB))
    run.sh(on(WEB, "killall -INT ping; sleep 1"))
    said = " ".join(run.sh(on(WEB, "tail -3 /tmp/pings")))
    sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) packets received",
                                   said).groups())
    assert sent == got
    return (f"{rounds} restarts under disk and network load; {got:,} of {sent:,} packets between the "
            "others meanwhile")
