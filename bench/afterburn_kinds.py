# SPDX-License-Identifier: Apache-2.0
# Exits by what a wedge can do about them. The counts are the plugin's, made outside of the guest.

import reasons

UART, UART_LAST = 0x3f8, 0x3ff
DELAY = 0x80
PCI_PORTS = 0x1000  # from here on a device's: on KVM the virtio console is the only one that has any
NOTIFY = 16         # of its ports
PORT_IN, PORT_STRING = 1 << 32, 1 << 33
LEGACY = ((0x00, 0x0f), (0x20, 0x21), (0x40, 0x43), (0x60, 0x61), (0x64, 0x64), (0x70, 0x71),
          (0xa0, 0xa1), (0xc0, 0xdf), (0x170, 0x177), (0x1f0, 0x1f7), (0x2e8, 0x2ef), (0x2f8, 0x2ff),
          (0x378, 0x37a), (0x3b0, 0x3df), (0x3e8, 0x3ef), (0x4d0, 0x4d1))
# What a ground has of these all the same.
PRESENT = {"kvm": ((0x00, 0x0f), (0x20, 0x21), (0x61, 0x61), (0x70, 0x71), (0xa0, 0xa1), (0xc0, 0xdf),
                   (0x4d0, 0x4d1))}
# What the wedge of each ground keeps.
CONSTANT_MSRS = {"kvm": (0x8b, 0xfe, 0x10a, 0x179, 0x1a0),
                 "mullion": (0xc001001f, 0xc0011020, 0xc0011028, 0xc0011029)}
ICR, EOI, TIMER = 0x830, 0x80b, (0x6e0, 0x832, 0x838, 0x839, 0x83e)
# A hypercall's kind by ground and number.
CALLS = {"kvm": {10: "IPIs"}, "mullion": {1: "console", 2: "IPIs"}}

CONSOLE, DELAYS, ABSENT, CPUID, MSRS = ("console", "port 80h", "absent devices", "CPUID of the kernel",
                                        "constant MSRs")
COVERED = (CONSOLE, DELAYS, ABSENT, CPUID, MSRS)
IPIS, PROGRAMS = "IPIs", "CPUID of programs"


def _within(port, ranges):
    return any(first <= port <= last for first, last in ranges)


def _port(ground, port):
    if UART <= port <= UART_LAST or (ground == "kvm" and port >= PCI_PORTS):
        return CONSOLE
    if port == DELAY:
        return DELAYS
    if 0xcf8 <= port <= 0xcff:
        return "PCI configuration"
    if _within(port, LEGACY) and not _within(port, PRESENT.get(ground, ())):
        return ABSENT
    return "other ports"


def carries_text(ground, code, detail):
    """Whether an exit is a wedge's, with text: a call, a virtio queue's notice, or REP OUTSB to the UART.
    (OUT to the UART's first port sets its speed, too.)"""
    port = detail & 0xffff
    if code == 0x81:
        return kind(ground, code, detail) == CONSOLE
    return code == 0x7b and not detail & PORT_IN and (
        (port == UART and detail & PORT_STRING != 0) or
        (ground == "kvm" and port >= PCI_PORTS and port & 0x1f == NOTIFY))


def _msr(ground, index, write):
    if not write and index in CONSTANT_MSRS.get(ground, ()):
        return MSRS
    if index == ICR:
        return IPIS
    if index == EOI:
        return "end of interrupt"
    return "timer" if index in TIMER else "other MSRs"


def kind(ground, code, detail):
    """The kind of one exit, in words."""
    if code == 0x72:
        return PROGRAMS if detail >> 32 else CPUID
    if code == 0x7b:
        return _port(ground, detail & 0xffff)
    if code == 0x7c:
        return _msr(ground, detail & 0xffffffff, detail >> 32 != 0)
    if code == 0x81:
        return CALLS.get(ground, {}).get(detail, "hypercalls")
    return reasons.name(code, detail)


def by_kind(ground, exits):
    """{kind: number} of a Window's exits, the most frequent first."""
    sums = {}
    for (code, detail), reason in exits.items():
        name = kind(ground, code, detail)
        sums[name] = sums.get(name, 0) + reason.count
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def covered(kinds):
    """The sum of the kinds that a wedge does itself."""
    return sum(kinds.get(name, 0) for name in COVERED)


def fewer(before, after):
    """How many of a hundred are gone."""
    return 100 * (before - after) / before if before else 0.0
