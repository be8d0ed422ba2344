# SPDX-License-Identifier: Apache-2.0
# A guest takes one of its cores off line and on line again: INIT and SIPI are the monitor's.

from rig import BOOT_SECONDS, guest, service

ROUNDS = 50  # a race that lost a core needed about twenty


def test_offline(boot, record_property):
    words = f"mullion.count={ROUNDS}"
    run = boot([service(cpus=3, role="offline", words=words),
                guest("vm", "offline", cpus=3, words=words)])
    run.reported()
    last = rf"MULLION-CPU online ok {ROUNDS}/{ROUNDS}|MULLION-FAIL"
    run.wait(run.console, last, seconds=BOOT_SECONDS)
    run.vm_line("vm", f"({last})", seconds=BOOT_SECONDS)
    for lines in (run.console.lines, [x for x in run.log.lines if x.startswith("[vm] ")]):
        text = "\n".join(lines)
        assert text.count("MULLION-CPU offline ok") == ROUNDS
        assert text.count("MULLION-CPU online ok") == ROUNDS
        assert "MULLION-FAIL" not in text
    record_property("seen", f"{ROUNDS} of {ROUNDS} rounds in a VM and in the service VM")
    run.service_answers("after")
