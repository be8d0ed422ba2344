# SPDX-License-Identifier: Apache-2.0
# What is asked of Linux VMs, whichever kernel they have.

import time

from mullion_host import report

BOOT_SECONDS = 600  # no measure of anything: only hangs take so long
SETTLE_SECONDS, WINDOW_SECONDS = 2, 5


def check_reports(session):
    """Each VM's kernel has all its cores, and the nonce that no other has."""
    spoken = session.wait_all(BOOT_SECONDS)
    for vm in session.machine.vms:
        assert (spoken[vm.name].nonce, spoken[vm.name].cpus) == (vm.nonce, vm.cpus)


def steady(session):
    """They reach user space, and then leave the guest for IPIs alone; the figures."""
    check_reports(session)
    time.sleep(SETTLE_SECONDS)
    before = session.log.statistics()
    time.sleep(WINDOW_SECONDS)
    after = session.log.statistics()
    difference = report.exits_between(before, after)
    exits, icr = report.steady_state(difference)
    booting = sum(before.exits.values())
    assert [vm["state"] for vm in after.vms.values()] == ["running"] * len(session.machine.vms)
    assert booting > 0
    assert exits == 0, difference
    return f"{booting} exits to user space, then {exits} and {icr} for IPIs"
