# SPDX-License-Identifier: Apache-2.0
# Power-off, reboot and panic concern one VM only. 20 restarts are the contract of `make check`.

import re
import secrets

from mullion_host.machine import configuration
from rig import BOOT_SECONDS, guest, service

STARTS = 20
SUM = r"MULLION-SUM (\w+) (\d+)"


def memsum_goes_on(run, name="sum"):
    """A VM that adds up its memory again and again: at least one more good sum, never a bad one."""
    start = len(run.log.lines)
    run.vm_line(name, SUM, start=start)
    assert not [x for x in run.log.lines if "MULLION-SUM BAD" in x]


def test_restarts(boot, record_property):
    vms = [service(), guest("sum", "memsum"),
           guest("again", "reboot", words="mullion.delay=50"),
           guest("panics", "panic", words="mullion.delay=50")]
    run = boot(vms)
    run.reported("host", "sum")
    for name in ("again", "panics"):
        run.log_line(rf'vm "{name}": start {STARTS},', seconds=2 * BOOT_SECONDS)
        assert run.starts(name)[:STARTS] == list(range(1, STARTS + 1))
        run.vm_line(name, f"MULLION-REPORT name={name}", count=STARTS - 1)
        stopped = run.log_lines(rf"vm {name} state stopping cpus ")
        assert len(stopped) >= STARTS - 1, "a restart printed no statistics"
    assert run.vm_line("panics", "Kernel panic - not syncing: sysrq triggered crash")
    record_property("seen", f"{STARTS} starts by reboot, {STARTS} by panic")
    memsum_goes_on(run)
    run.service_answers(secrets.token_hex(8))
    said = run.log.statistics().vms
    assert said["host"]["state"] == said["sum"]["state"] == "running"
    assert run.starts("host") == run.starts("sum") == [1]


def test_last_off(boot):
    """The machine goes off with its last VM, no matter which one that is."""
    run = boot([service(), guest("short", "poweroff")])
    run.reported()
    run.log_line(r"vm short state off|vm short state stopping", seconds=BOOT_SECONDS)
    assert run.running()
    assert not run.log_lines("the machine switches off")
    run.service_answers(secrets.token_hex(8))
    assert run.log.statistics().vms["short"]["state"] == "off"
    run.type_service("poweroff -f")
    run.log_line("the machine switches off")
    assert run.exit_status() == 0


def test_service_decides(boot):
    vms = [service(), guest("sum", "memsum")]
    run = boot(vms, text=configuration(vms) + "poweroff service\n")
    run.reported()
    memsum_goes_on(run)
    run.type_service("poweroff -f")
    run.log_line("the machine switches off")
    assert run.exit_status() == 0
    assert not run.log_lines('vm "sum": power off')


def test_service_off_alone(boot):
    """Without `poweroff service` the others outlive the service VM."""
    run = boot([service(), guest("sum", "memsum")])
    run.reported()
    run.type_service("poweroff -f")
    run.log_line('vm "host": power off')
    memsum_goes_on(run)
    assert run.running()
    assert run.log.statistics().vms["host"]["state"] == "off"


def test_service_reboots(boot):
    run = boot([service(cpus=2), guest("sum", "memsum")])
    run.reported()
    memsum_goes_on(run)
    run.type_service("reboot -f")
    run.wait(run.console, "MULLION-REPORT name=host ", count=2, seconds=BOOT_SECONDS)
    run.wait(run.console, "built-in shell", count=2)
    assert run.starts("host") == [1, 2]
    run.service_answers(secrets.token_hex(8))
    memsum_goes_on(run)
    assert run.starts("sum") == [1]
    sums = [int(m[2]) for m in map(re.compile(SUM).search, run.log.lines) if m]
    assert sums == sorted(sums), "its sums began again"


def test_ways_to_reboot(boot, record_property):
    """The triple fault, the keyboard controller, ACPI's reset register, port CF9; one VM each."""
    ways = "tkap"
    vms = [service()] + [guest(f"way-{way}", "reboot", words=f"reboot={way} mullion.delay=50")
                         for way in ways]
    run = boot(vms)
    run.reported("host")
    for way in ways:
        run.log_line(rf'vm "way-{way}": start 3,', seconds=BOOT_SECONDS)
    record_property("seen", f"reboot={', '.join(ways)}")
    assert run.log_lines(r'vm "way-t": .*(triple fault|shutdown)')
    run.service_answers(secrets.token_hex(8))
