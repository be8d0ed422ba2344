# SPDX-License-Identifier: Apache-2.0
# An ordinary Debian on a disk as the service VM, through its own drivers, beside the same disk without Mullion.

import re
from collections import Counter
from dataclasses import dataclass

import pytest

from debian_rig import (AFTER, BEFORE, ENTERED, PROMPT, count_instructions, counts_read,
                        debian_machine, start)
from rig import guest

NUMBERS = re.compile(r"^\[ *[\d.]+\] ")
# What the kernel says more under Mullion than bare, and why.
EXPECTED = {
    r"kvm-guest: host ": "of KVM's features only the clock is offered",
    r"mce: Unable to init MCE device": "machine checks are not shown to VMs",
    r"APIC: NR_CPUS/possible_cpus limit": "the firmware's DSDT names the other VMs' cores, too",
    r"(hrtimer|perf): interrupt took": "the emulator's own machine was busy",
    r"iTCO_wdt": "the chipset's watchdog resets the whole machine: no VM has it",
}
# Exits by AMD's code and the register's number: a write of the ICR, and CPUID, as each new program does.
IPI, CPUID = (0x7c, 1 << 32 | 0x830), 0x72  # exits that are no device's; of CPUID the rest is the leaf
WORK = ("cp -a /usr/bin /srv/share/copy && sync && "
        "echo 3 >/proc/sys/vm/drop_caches && cd /srv/share/copy && "
        "find . -type f | sort | xargs sha256sum >/tmp/copied && "
        "cd /usr/bin && sha256sum --quiet -c /tmp/copied && "
        "wc -l </tmp/copied && du -sk /srv/share/copy && cd")


@dataclass
class Seen:
    """What was seen of one boot."""

    state: list
    messages: list
    interrupts: list
    drivers: list
    work: list
    boot: object
    copy: object
    exits: Counter
    lives: list  # what the monitor says of its starts and ends


def kernel_messages(run):
    """The kernel's warnings and errors, without their times."""
    return [NUMBERS.sub("", line) for line in run.sh("dmesg --level=emerg,alert,crit,err,warn")]


def see(build, runs, bare):
    """Boots it, lets it work, switches it off."""
    machine = debian_machine(build, f"fabric/{'bare' if bare else 'mullion'}", bare)
    count_instructions(machine, bare)
    run = start(machine, runs)
    run.sh(f"/var/lib/mullion/mark {PROMPT}")
    state = run.sh("systemctl is-system-running --wait || systemctl --failed --plain")
    run.sh("ping -q -c 3 10.0.2.2")
    run.sh(f"/var/lib/mullion/mark {BEFORE}")
    work = run.sh(WORK)
    run.sh(f"/var/lib/mullion/mark {AFTER}")
    interrupts = run.sh("cat /proc/interrupts")
    drivers = run.sh("basename -a $(readlink -f /sys/class/net/en*/device/driver "
                     "/sys/block/sda/device/../../../../driver)")
    exits = Counter()
    if not bare:
        for (_, _, reason), count in run.log.statistics(60).exits.items():
            exits[reason] += count
    messages = kernel_messages(run)
    lives = [line for line in run.log.lines if 'info: vm "host": ' in line]
    run.type_service("poweroff")
    assert run.exit_status(200) == 0
    return Seen(state, messages, interrupts, drivers, work,
                counts_read(machine, ENTERED, PROMPT), counts_read(machine, BEFORE, AFTER), exits, lives)


@pytest.fixture(scope="module")
def both(build):
    """The same disk bare and as the service VM."""
    runs = []
    try:
        yield see(build, runs, True), see(build, runs, False)
    finally:
        for run in runs:
            run.end()


def message_interrupts(lines, device):
    """How many message-signalled interrupts a device has caused."""
    counted = [line.split() for line in lines if "PCI-MSI" in line and device in line]
    return sum(int(word) for line in counted for word in line[1:3])


def test_boots(both, record_property):
    """The prompt, a whole system, the machine's own drivers with MSI; bare and divided alike."""
    for seen in both:
        assert seen.state == ["running"], "\n".join(seen.state)
        assert seen.drivers == ["e1000e", "ahci"]
    bare, divided = both
    figures = []
    for device in ("ahci", "en"):
        here, there = (message_interrupts(seen.interrupts, device) for seen in (divided, bare))
        assert here and there, f"{device}: {here} MSIs on Mullion, {there} bare"
        figures.append(f"{device} {here:,}, bare {there:,}")
    record_property("seen", f"MSIs on Mullion: {'; '.join(figures)}")


def test_messages(both, record_property):
    """No new errors: what the kernel says more than bare has a known reason."""
    bare, divided = both
    new = [line for line in divided.messages if re.sub(r"\d+", "N", line)
           not in {re.sub(r"\d+", "N", old) for old in bare.messages}]
    unknown = [line for line in new if not any(re.search(known, line) for known in EXPECTED)]
    record_property("seen", f"{len(new)} lines more than bare, {len(unknown)} of them unexplained")
    assert not unknown, "\n".join(unknown)


def test_copy(both, record_property):
    """The same files copied, read back from the disk, checksums compared."""
    bare, divided = both
    assert bare.work == divided.work, "they copied different files"
    ratio = divided.copy.guest / bare.copy.guest
    assert 0.8 < ratio < 1.25
    left = {key: reason.count for key, reason in divided.copy.exits.items()
            if key != IPI and key[0] != CPUID}
    record_property("seen", f"{divided.work[0]} files, {divided.work[1].split()[0]} KiB; instructions "
                    f"{divided.copy.guest:,}, bare {bare.copy.guest:,} ({ratio:.3f}); "
                    f"{divided.copy.entries:,} exits, {sum(left.values())} of them neither for an "
                    "IPI nor for CPUID")
    assert not left, "disk and interrupts made the monitor work: " + ", ".join(
        f"code {code:x} {detail:x}: {count}" for (code, detail), count in left.items())


def test_exits(both, record_property):
    """Every exit has a reason, and the boot's own work is what it is bare."""
    bare, divided = both
    assert len(divided.lives) == 1, "it has not started once:\n" + "\n".join(divided.lives)
    ratio = divided.boot.guest / bare.boot.guest
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in divided.exits.most_common())
    record_property("seen", f"boot: instructions {divided.boot.guest:,}, bare {bare.boot.guest:,} "
                    f"({ratio:.3f}), {divided.boot.entries:,} exits; all with the copy: {reasons}")
    assert 0.8 < ratio < 1.25
    assert not divided.exits.keys() & {"other", "shutdown", "virt", "hypercall", "invd", "?"}
    counted = sum(divided.exits.values())
    assert counted > divided.boot.entries > 0, f"{counted} by the monitor"


def test_nvme(build, record_property):
    """The same disk behind NVMe, another VM beside it; its restart finds disk and network again."""
    runs = []
    machine = debian_machine(build, "fabric/nvme", controller="nvme",
                             more=[guest("other", "memsum")])
    try:
        run = start(machine, runs)
        run.sh("echo kept >/root/kept; sync")
        run.type_service("systemctl reboot")
        run.prompt(2)
        assert run.log_lines(r'vm "host": start 2,')
        assert run.sh("cat /root/kept") == ["kept"]
        assert run.sh("systemctl is-system-running --wait") == ["running"]
        run.sh("ping -q -c 3 10.0.2.2")
        interrupts = run.sh("cat /proc/interrupts")
        seen = {device: message_interrupts(interrupts, device) for device in ("nvme", "en")}
        record_property("seen", ", ".join(f"{name} {n:,} MSIs" for name, n in seen.items()))
        assert all(seen.values()), seen
        start_line = len(run.log.lines)
        run.vm_line("other", r"MULLION-SUM (\w+) (\d+)", start=start_line)
        assert not run.log_lines(r'vm "other": start 2,')
    finally:
        for run in runs:
            run.end()
