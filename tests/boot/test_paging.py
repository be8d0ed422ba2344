# SPDX-License-Identifier: Apache-2.0
# The monitor's live page tables: no page is writable and executable, a guard page under each stack.

import re

import nested
from rig import guest, service, symbol

PAGE = nested.PAGE
STACK_MAX = 16 * PAGE


def registers(run):
    """[{name: value}] of all processors."""
    found = []
    for text in run.qmp.human("info registers -a").split("CPU#")[1:]:
        pairs = re.findall(r"\b(RIP|RSP|CR3|CR0|HLT|EFER) ?= ?([0-9a-f]+)", text)
        found.append({name: int(value, 16) for name, value in pairs})
    return found


def parked(run):
    """The registers of a processor that sleeps in the monitor."""
    image = run.machine.path(run.machine.image)
    start, end = symbol(image, "image_start"), symbol(image, "image_rodata")
    found = [r for r in registers(run) if r.get("HLT") and start <= r.get("RIP", 0) < end]
    assert found, "no processor sleeps in the monitor"
    return found[0]


def rights(leaves, address):
    """The leaf that maps an address, or None."""
    return next((x for x in leaves if x.address <= address < x.address + x.size), None)


def check_stack(leaves, pointer):
    """From a stack pointer down there is a page that isn't mapped, soon."""
    page = pointer & -PAGE
    assert rights(leaves, pointer).write
    lowest = next(at for at in range(page, 0, -PAGE) if rights(leaves, at) is None)
    assert page - lowest <= STACK_MAX, f"no guard page under the stack at {pointer:#x}"


def test_paging(boot, record_property):
    run = boot([service(), guest("short", "poweroff", cpus=2)], monitor=True)
    run.reported()
    run.log_line('vm "short": power off')
    run.service_answers("still")
    core = parked(run)
    assert core["CR0"] & 1 << 16, "CR0.WP is off: read-only pages would be writable"
    leaves, tables = nested.walk(run.qmp.read, core["CR3"])
    assert len(leaves) > 10 and len(tables) > 3
    loose = [leaf for leaf in leaves if leaf.write and leaf.execute]
    record_property("seen", f"{len(leaves)} mappings, {len(loose)} writable and executable")
    assert not loose, f"writable and executable: {loose[:3]}"
    image = run.machine.path(run.machine.image)
    start, end = symbol(image, "image_start"), symbol(image, "image_rodata")
    code = [leaf for leaf in leaves if leaf.execute]
    assert code and all(start <= x.address and x.address + x.size <= end for x in code)
    assert all(leaf.address == leaf.target for leaf in leaves)
    assert not rights(leaves, end).write, "the read-only data is writable"
    check_stack(leaves, core["RSP"])
    check_all_stacks(run, leaves, image)


def check_all_stacks(run, leaves, image):
    """Each core's stacks lie in the pool: at least two unmapped pages there for each core."""
    base, end = (int.from_bytes(run.qmp.read(symbol(image, name), 8), "little")
                 for name in ("pool_base", "pool_end"))
    guards = [at for at in range(base, end, PAGE) if rights(leaves, at) is None]
    assert len(guards) >= 2 * sum(vm.cpus for vm in run.machine.vms)
