# SPDX-License-Identifier: Apache-2.0
# Eight SMP VMs on 32 cores in four NUMA nodes; one VM that must span two nodes. What the monitor
# says is compared with the nested tables, read from outside, and with what the guests see.

import itertools
import re

import pytest

import nested
from rig import MIB, guest, numa, service, symbol

NODES, NODE_CORES, NODE_MEMORY = 4, 8, 1024
LOW_RAM = 2048 * MIB   # q35 moves what is more than this to 4 GiB
FIRMWARE = 256 * 1024  # at the end of low RAM: SeaBIOS's own
ROOT = r'vm "(\w+)": start 1, .*nested tables at 0x([0-9a-f]+)'


def ram_ranges(nodes, memory):
    """[(node, start, end)] of the machine's RAM, as QEMU lays it out."""
    ranges = []
    for node in range(nodes):
        start = node * memory * MIB
        start += 0 if start < LOW_RAM else (4096 * MIB - LOW_RAM)
        end = start + memory * MIB
        last = end == min(LOW_RAM, nodes * memory * MIB)
        ranges.append((node, start, end - FIRMWARE if last else end))
    return ranges


def node_of(leaf, ranges):
    """The node that all of a leaf lies on, or None."""
    for node, start, end in ranges:
        if start <= leaf.target and leaf.end <= end:
            return node
    return None


def cores_of(text):
    """{0, 1, 2} for "0-2"."""
    cores = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        cores |= set(range(int(first), int(last or first) + 1))
    return cores


def monitor_memory(run):
    """[(what, start, end)]: the image, and the pool that its symbols name."""
    image = run.machine.path(run.machine.image)
    pool = [int.from_bytes(run.qmp.read(symbol(image, name), 8), "little")
            for name in ("pool_base", "pool_end")]
    assert 0 < pool[0] < pool[1]
    return [("image", symbol(image, "image_start"), symbol(image, "image_end")), ("pool", *pool)]


def read_tables(run):
    """{name: (leaves, table addresses)} of all VMs."""
    roots = {m[1]: int(m[2], 16) for m in run.log_lines(ROOT)}
    assert sorted(roots) == sorted(vm.name for vm in run.machine.vms)
    return {name: nested.walk(run.qmp.read, root) for name, root in roots.items()}


def check_disjoint(tables):
    """No page of the machine's memory is in two VMs' tables."""
    pages = sorted((leaf.target, leaf.end, name)
                   for name, (leaves, _) in tables.items() for leaf in leaves)
    for (_, end, first), (start, _, second) in itertools.pairwise(pages):
        assert end <= start or first == second, f"{first} and {second} share {start:#x}"


def check_monitor_hidden(tables, hidden):
    """Nothing of the monitor is in a VM's tables, the tables themselves included."""
    owned = set().union(*(own for _, own in tables.values()))
    for table in owned:
        assert any(start <= table < end for what, start, end in hidden if what == "pool")
    for name, (leaves, _) in tables.items():
        for what, start, end in hidden:
            assert not nested.inside(leaves, start, end), f"{name} maps the monitor's {what}"


def check_node(vm, tables, said, ranges):
    """All pages of a VM lie on the node that the statistics name; the sizes are as configured."""
    leaves, _ = tables[vm.name]
    ram = [leaf for leaf in leaves if any(nested.inside([leaf], s, e) for _, s, e in ranges)]
    assert sum(leaf.size for leaf in ram) >= 0.99 * vm.memory * MIB
    low_hole = MIB if vm.service else 0  # it has all of the low megabyte, RAM or not
    assert sum(leaf.size for leaf in ram) <= vm.memory * MIB + low_hole
    strange = [leaf for leaf in ram if node_of(leaf, ranges) != said]
    assert not strange, f"not on node {said}: {strange[:5]}"
    assert all(leaf.write and leaf.user and leaf.execute for leaf in ram)
    if vm.service:
        assert all(leaf.address == leaf.target for leaf in leaves), "not identity-mapped"
    else:
        assert ram == leaves, "a VM without devices maps what isn't RAM"
        assert min(leaf.address for leaf in leaves) == 0


def test_eight(boot, record_property):
    vms = [service(cpus=4)] + [guest(f"vm{i}", cpus=4) for i in range(1, 8)]
    cores = NODES * NODE_CORES
    run = boot(vms, monitor=True, cores=f"{cores},sockets={NODES},cores={NODE_CORES},threads=1",
               memory=NODES * NODE_MEMORY, extra=numa(NODES, NODE_CORES, NODE_MEMORY))
    spoken = run.reported(seconds=900)
    for vm in vms:
        assert spoken[vm.name].cpus == 4
        assert 0.75 * vm.memory <= spoken[vm.name].memory_kb / 1024 <= vm.memory
        assert spoken[vm.name].nodes == 1
    said = run.log.statistics(60).vms
    ranges = ram_ranges(NODES, NODE_MEMORY)
    tables = read_tables(run)
    for vm in vms:
        own = cores_of(said[vm.name]["cpus"])
        assert said[vm.name]["state"] == "running"
        assert len(own) == 4
        assert {core // NODE_CORES for core in own} == {int(said[vm.name]["node"])}
        check_node(vm, tables, int(said[vm.name]["node"]), ranges)
    assert sorted(c for vm in vms for c in cores_of(said[vm.name]["cpus"])) == list(range(cores))
    check_disjoint(tables)
    check_monitor_hidden(tables, monitor_memory(run))
    leaves = sum(len(own) for own, _ in tables.values())
    record_property("seen", f"{len(vms)} kernels on {cores} cores, {leaves:,} pages mapped")
    check_far_apic_ids(run, vms, said)


def check_far_apic_ids(run, vms, said):
    """A VM without the machine's boot core, whose APIC IDs are all 8 or more, as it sees them."""
    index = next(i for i, vm in enumerate(vms) if min(cores_of(said[vm.name]["cpus"])) >= 8)
    start = len(run.log.lines)
    run.attach(index)
    run.log.send(b"grep ^apicid /proc/cpuinfo; echo end'-'of'-'list\r")
    run.wait(run.log, "^end-of-list", start=start)
    run.detach()
    found = [re.search(r"^apicid\s*: (\d+)", line) for line in run.log.lines[start:]]
    ids = [int(m[1]) for m in found if m]
    assert sorted(ids) == sorted(cores_of(said[vms[index].name]["cpus"]))
    assert min(ids) >= 8


@pytest.mark.parametrize("memory", [256, 640])
def test_spanning(boot, record_property, memory):
    """More cores than a node has, with memory that fits on one, and that doesn't."""
    vms = [service(cpus=2), guest("wide", cpus=4, memory=memory), guest("narrow", cpus=2)]
    run = boot(vms, monitor=True, cores="8,sockets=4,cores=2,threads=1", memory=4 * 512,
               extra=numa(4, 2, 512))
    spoken = run.reported()
    assert spoken["wide"].cpus == 4
    assert spoken["narrow"].nodes == 1
    said = run.log.statistics().vms
    assert len({core // 2 for core in cores_of(said["wide"]["cpus"])}) == 2
    assert len({core // 2 for core in cores_of(said["narrow"]["cpus"])}) == 1
    tables = read_tables(run)
    ranges = ram_ranges(4, 512)
    nodes = {node_of(leaf, ranges) for leaf in tables["wide"][0]}
    nodes |= {core // 2 for core in cores_of(said["wide"]["cpus"])}
    record_property("seen", f"{memory}M: {len(nodes)} nodes")
    assert spoken["wide"].nodes == len(nodes)
    check_node(vms[2], tables, int(said["narrow"]["node"]), ranges)
    check_disjoint(tables)
    check_monitor_hidden(tables, monitor_memory(run))
