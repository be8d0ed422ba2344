# SPDX-License-Identifier: Apache-2.0
# The part of docs/BENCH.md on two VMs that talk by TCP.

from tables import exits_text, number, table

LOADS = {"stream": ("TCP stream", "KiB"), "requests": ("request and response", "request")}


def each(system, name, key):
    """Exits, or what is executed outside, for each unit of a load."""
    load = system["loads"][name]
    return load[key] / load["units"]


def stream_text(system):
    """KiB for each exit: a stream's exits for each KiB would be a small fraction."""
    return f"{1 / each(system, 'stream', 'total'):.1f} KiB / exit"


def ratio_line(name, ours, kvm):
    """How many times more KVM has."""
    more = [each(kvm, name, key) / each(ours, name, key) for key in ("total", "outside")]
    return [LOADS[name][0], "KVM / Mullion", "", "", f"{more[0]:.1f} times", f"{more[1]:.1f} times", ""]


def net_lines(systems):
    """Stream and requests, each beside KVM."""
    if not systems:
        return []
    rows = []
    for name, (text, unit) in LOADS.items():
        for system in systems.values():
            load = system["loads"][name]
            exits = stream_text(system) if name == "stream" else \
                f"{each(system, name, 'total'):.2f} exits / {unit}"
            moved = f"{load['units']:,} " + (unit if unit == "KiB" else unit + "s")
            rows.append([text, system["title"], moved, number(load["total"]), exits,
                         f"{each(system, name, 'outside'):,.0f} / {unit}",
                         exits_text(load["exits"], 5)])
        if "kvm-net" in systems and "mullion-net" in systems:
            rows.append(ratio_line(name, systems["mullion-net"], systems["kvm-net"]))
    return ["## Two VMs that talk by TCP", "",
            "Stock drivers and sockets, one core and 256 MiB for each VM, on the same two cores. One "
            "sends, the other receives; or one byte goes there and back, one request after the "
            "other. Exits of both VMs, from before the connection is made until the sender knows "
            "that the receiver has all; instructions are those outside of both (monitor, host "
            "kernel and VMM), in which copying is one instruction, or a few, for each REP. KVM's "
            "include its host's idle loop.", "",
            *table(["load", "system", "moved", "exits", "exits for each", "instructions outside",
                    "by reason"], rows)]
