# SPDX-License-Identifier: Apache-2.0
# Names of SVM's exit codes (AMD APM 2, appendix C), the same ones for all monitors.

ICR = 0x830
XEN_STUBS = 0xffff82d07f000000  # Xen's entries for SYSCALL, a page for each core
CONSOLE = 0x3f8  # COM1
NAMES = {**dict.fromkeys(range(0x6a, 0x6e), "descriptor-tables"), 0x6e: "rdtsc", 0x6f: "rdpmc",
         0x87: "rdtscp", 0x60: "interrupt", 0x61: "nmi", 0x62: "smi", 0x63: "init", 0x64: "interrupt window",
         0x65: "control register", 0x72: "cpuid", 0x74: "iret", 0x76: "invd", 0x77: "pause",
         0x78: "hlt", 0x79: "invlpg", 0x7f: "shutdown", 0x80: "vmrun", 0x81: "hypercall",
         0x89: "wbinvd", 0x8a: "monitor", 0x8b: "mwait", 0x8d: "xsetbv", 0x400: "nested page fault"}


def name(code, detail):
    """The reason in words: icr, cpuid, console, hlt .."""
    if code == 0x7c:
        return "icr" if detail & 0xffffffff == ICR and detail >> 32 else "msr"
    if code == 0x7b:
        return "console" if CONSOLE <= detail & 0xffff < CONSOLE + 8 else "port"
    if code < 0x20:
        return "control register"
    if 0x20 <= code < 0x40:
        return "debug register"
    if 0x40 <= code < 0x60:
        return "exception"
    if code >= XEN_STUBS:  # an address of Xen's: a paravirtual guest has no exit code
        return "system call or hypercall"
    if code >> 47:
        return "exception or interrupt"
    return NAMES.get(code, f"{code:#x}")


def by_name(exits):
    """{name: (count, instructions, least, most)} of a Window's exits, the most frequent first."""
    sums = {}
    for (code, detail), reason in exits.items():
        key = name(code, detail)
        count, instructions, least, most = sums.get(key, (0, 0, reason.least, 0))
        sums[key] = (count + reason.count, instructions + reason.instructions,
                     min(least, reason.least), max(most, reason.most))
    return dict(sorted(sums.items(), key=lambda item: -item[1][0]))
