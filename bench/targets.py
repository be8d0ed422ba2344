# SPDX-License-Identifier: Apache-2.0
# What the figures should be, and whether they are. A target that is missed is reported as missed.

QUIET = ("busy", "sleep", "idle")
FEWER = 100           # times fewer exits than KVM
ICR_INSTRUCTIONS = 150
GUEST_RATIO = 1.001
MONITOR_KIB = 4096
STREAM_KIB = 64       # of a stream for each exit


def other_exits(load):
    """Exits for anything but IPIs and the console."""
    return sum(n for name, n in load["exits"].items() if name not in ("icr", "console"))


def times_fewer(mullion, kvm):
    """How many exits of KVM's come on one of Mullion's; all exits, IPIs too."""
    rate = mullion["total"] / mullion["seconds"]
    return float("inf") if rate == 0 else kvm["total"] / kvm["seconds"] / rate


def judge_network(ours, kvm, add):
    """Two VMs that talk, beside two KVM guests."""
    load = ours["loads"]["stream"]
    each = load["units"] / load["total"]
    add(f"TCP stream between two VMs: at least {STREAM_KIB} KiB for each exit",
        f"{each:.1f} KiB ({load['units']:,} KiB, {load['total']:,} exits)", each >= STREAM_KIB)
    for name, text in (("stream", "TCP stream"), ("requests", "request and response")) if kvm else ():
        load, other = ours["loads"][name], kvm["loads"][name]
        fewer = other["total"] / other["units"] / (load["total"] / load["units"])
        add(f"{text} between two VMs: fewer exits than two KVM guests on a bridge",
            f"{fewer:.1f} times ({load['total']:,} and {other['total']:,})", fewer > 1)


def judge(systems):
    """[{text, seen, met}] for every target that these systems allow to judge."""
    found = []

    def add(text, seen, met):
        found.append({"text": text, "seen": seen, "met": bool(met)})

    ours, bare, kvm = (systems.get(name) for name in ("mullion", "bare", "kvm"))
    if "mullion-net" in systems:
        judge_network(systems["mullion-net"], systems.get("kvm-net"), add)
    if not ours:
        return found
    for name in QUIET:
        load = ours["loads"][name]
        add(f"load {name}: no exit but for IPIs and the console",
            f"{other_exits(load)} (and {load['total'] - other_exits(load)} for IPIs and the "
            "console)", other_exits(load) == 0)
        if kvm:
            fewer = times_fewer(load, kvm["loads"][name])
            other = kvm["loads"][name]
            add(f"load {name}: at least {FEWER} times fewer exits than KVM, those for IPIs counted",
                f"{fewer:,.0f} times ({load['total']:,} and {other['total']:,}; without those for "
                f"IPIs and the console {other_exits(load):,} and {other_exits(other):,})",
                fewer >= FEWER)
    ping = ours["loads"]["pingpong"]
    each = ping["exits"].get("icr", 0) / max(ping["ipis"], 1)
    add("one exit for each IPI", f"{ping['exits'].get('icr', 0):,} exits, {ping['ipis']:,} IPIs "
        f"taken by the guest's own count ({each:.3f})", 0.99 <= each <= 1.01)
    cost = ping["cost"]["icr"]
    add(f"at most {ICR_INSTRUCTIONS} instructions of the monitor for an IPI",
        f"{cost['mean']:.0f} ({cost['least']} to {cost['most']})",
        cost["mean"] <= ICR_INSTRUCTIONS)
    if bare:
        ratio = ours["work"]["mean_undisturbed"] / bare["work"]["mean_undisturbed"]
        add(f"guest instructions of the fixed workload at most {GUEST_RATIO} times those on bare "
            "metal (rounds without an interrupt)", f"{ratio:.5f}", ratio <= GUEST_RATIO)
    add(f"monitor at most {MONITOR_KIB} KiB beside the modules",
        f"{ours['memory']['monitor_kib']} KiB", ours["memory"]["monitor_kib"] <= MONITOR_KIB)
    pairs = [(name, *pair) for system in systems.values()
             for name, pair in system.get("agreement", {}).items()]
    differ = [f"{name} {a} and {b}" for name, a, b in pairs if a != b]
    add("the monitor's own counts of exits and the plugin's agree, for every reason",
        "they differ: " + ", ".join(differ) if differ
        else f"{sum(a for _, a, _ in pairs):,} exits, no difference", not differ)
    return found
