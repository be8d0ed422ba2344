# SPDX-License-Identifier: Apache-2.0
# What stood in the machine's memory before is in no VM's: read from outside, beside RAM of nobody.

import secrets

from rig import MIB, guest, service
from test_eight import monitor_memory, read_tables

FIRST, LAST, STEP = 64 * MIB, 704 * MIB, 2 * MIB  # above the boot modules, below the pool
TRACE_BYTES = 8


def trace_words(places, trace):
    """QEMU's words that put the trace at each place before anything runs."""
    words = []
    for at in places:
        words += ["-device", f"loader,addr={at:#x},data={trace:#x},data-len={TRACE_BYTES}"]
    return words


def owner(tables, at):
    """The VM whose nested tables reach an address, or None."""
    return next((name for name, leaves in tables.items()
                 if any(leaf.target <= at < leaf.end for leaf in leaves)), None)


def test_scrub(boot, record_property):
    trace = 1 << 63 | secrets.randbits(63)
    # Not at a page's begin: a scrub that looks for clear pages must look at all of each.
    places = [base + 8 * secrets.randbelow(STEP // 8) for base in range(FIRST, LAST, STEP)]
    run = boot([service(), guest("vm")], monitor=True, extra=trace_words(places, trace))
    run.reported()
    run.service_answers("awake")
    hidden = monitor_memory(run)
    tables = {name: leaves for name, (leaves, _) in read_tables(run).items()}
    found = {"host": [], "vm": [], None: []}
    for at in places:
        if not any(start <= at < end for _, start, end in hidden):
            found[owner(tables, at)].append(
                int.from_bytes(run.qmp.read(at, TRACE_BYTES), "little") == trace)
    assert all(found[None]), "RAM of nobody lost its trace: the other places would prove nothing"
    kept = {name: sum(there) for name, there in found.items()}
    assert all(len(there) >= 20 for there in found.values()), found
    assert not kept["host"] and not kept["vm"], f"not cleared: {kept}"
    record_property("seen", f"{len(found['host'])} traces in the service VM's memory and "
                            f"{len(found['vm'])} in a VM's cleared, {kept[None]} elsewhere kept")
