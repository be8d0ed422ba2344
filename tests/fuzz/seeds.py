#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds and dictionaries for the fuzz targets, made here: seeds.py FOLDER [ELF...]."""

import re
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTOR = 512
PVH_NOTE = 18
MACHINES = (b"\x00\x0f\x00\x00\x02\x08\x00\x00", b"\x13\x07\x00\x01\x05\x28\x02\x01")


def keywords():
    """[(word, example)] of the parser's own table."""
    table = (ROOT / "monitor/core/config_vm.c").read_text(encoding="utf-8")
    found = re.findall(r'^    \{"([a-z-]+)", "((?:[^"\\]|\\.)*)",', table, re.MULTILINE)
    assert len(found) > 10, "the table of keywords looks different now; correct this pattern"
    return [(word, example.replace("\\", "")) for word, example in found]


def config_seeds():
    """Configurations: the documents' examples, and one for each keyword, on two machines."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    manual = (ROOT / "docs/mullion.conf.5").read_text(encoding="utf-8")
    texts = [block for block in re.findall(r"```\n(.*?)```", readme, re.DOTALL) if "{" in block]
    texts.append(manual.split(".Bd -literal")[1].split(".Ed")[0].split("\n", 1)[1])
    for word, example in keywords():
        top = word in ("vm", "service", "strict", "poweroff")
        texts.append(f"{example}\nvm a {{}}\n" if top else f"vm web {{}}\nvm b {{ {example} }}\n")
    texts.append("vm a { cpus 0,2,4-7; node 1 }\nvm b { like a; cpus 3-3; memory 16M }\n")
    texts.append("vm a {\r\n  cmdline \"a \\\"b\\\" \\\\\"\n  cpsu 2\n}\n"
                 "vm a {}\nservice b { memory 0")
    return [machine + text.encode() for text in texts for machine in MACHINES]


def bzimage(code_size=1024, **changes):
    """A kernel file of one setup sector beside the boot sector, with code of CODE_SIZE bytes."""
    fields = {"jump": 0xEB, "end": 0x6A, "magic": 0x53726448, "version": 0x20F, "loadflags": 1,
              "initrd_max": 0x7FFFFFFF, "align": 0x1000, "relocatable": 1, "xloadflags": 1,
              "cmdline": 2047, "preferred": 0x100000, "init_size": 0x20000} | changes
    image = bytearray(2 * SECTOR) + bytes(i * 7 & 0xFF for i in range(code_size))
    struct.pack_into("<B2xI6xHBBIH8xBB", image, 0x1F1, 1, code_size // 16, 0xAA55, fields["jump"],
                     fields["end"], fields["magic"], fields["version"], 0, fields["loadflags"])
    struct.pack_into("<IIBxHI", image, 0x22C, fields["initrd_max"], fields["align"],
                     fields["relocatable"], fields["xloadflags"], fields["cmdline"])
    struct.pack_into("<QI", image, 0x258, fields["preferred"], fields["init_size"])
    return bytes(image)


def pvh_elf(bits, address=0x100000, align=4):
    """An ELF file with a PVH note, one segment of code and one of zeros behind it."""
    header, entry = (64, 56) if bits == 64 else (52, 32)
    where = header + 3 * entry
    note = struct.pack("<III4sII4sI", 4, bits // 8, PVH_NOTE, b"Xen\0", address + 16, 0, b"", 0)
    code = where + len(note)
    segments = ((4, where, address, len(note), len(note), align),
                (1, code, address, 64, 64, 16), (1, code + 64, address + 0x2000, 16, 0x9000, 16))
    machine, size = (62, header) if bits == 64 else (3, header)
    ident = struct.pack("<4sBBB9x", b"\x7fELF", bits // 32, 1, 1)
    image = ident + struct.pack("<HHI" + ("QQQ" if bits == 64 else "III") + "IHHHHHH", 2, machine,
                                1, address, header, 0, 0, size, entry, 3, 0, 0, 0)
    for kind, offset, at, in_file, in_memory, unit in segments:
        if bits == 64:
            image += struct.pack("<IIQQQQQQ", kind, 7, offset, at, at, in_file, in_memory, unit)
        else:
            image += struct.pack("<IIIIIIII", kind, offset, at, at, in_file, in_memory, 7, unit)
    return image + note + bytes(range(80))


def kernel_seeds(elfs):
    """Kernels of each kind for each of the target's machines."""
    kernels = [bzimage(), bzimage(relocatable=0, preferred=0x200000, align=0x200000),
               bzimage(version=0x20C, initrd_max=0x3FFFFF), bzimage(code_size=64),
               pvh_elf(64), pvh_elf(32), pvh_elf(64, 0x400000, 8)]
    kernels += [Path(elf).read_bytes() for elf in elfs]
    return [bytes((number & 3, number % 7, number % 5, number % 8)) + kernel
            for number, kernel in enumerate(kernels * 4, 1)]


def tag(kind, body):
    """One tag of Multiboot 2, padded."""
    return struct.pack("<II", kind, 8 + len(body)) + body + bytes(-len(body) % 8)


def multiboot_seeds():
    """A boot loader's information by either protocol: memory map, modules, framebuffer, RSDP."""
    ranges = ((0, 0x9F000, 1), (0xF0000, 0x10000, 2), (0x100000, 0x7FE00000, 1))
    memory = struct.pack("<II", 24, 0) + b"".join(struct.pack("<QQII", *r, 0) for r in ranges)
    frame = struct.pack("<QIIIBBH6B", 0xFD000000, 4096, 1024, 768, 32, 1, 0, 16, 8, 8, 8, 0, 8)
    tags = (tag(6, memory) + tag(3, struct.pack("<II", 0x200000, 0x300000) + b"/boot/vmlinuz\0") +
            tag(3, struct.pack("<II", 0x400000, 0x400800) + b"/x.conf mullion.conf\0") +
            tag(8, frame) + tag(14, b"RSD PTR " + bytes(12)) + tag(15, b"RSD PTR " + bytes(28)))
    second = struct.pack("<II", 16 + len(tags), 0) + tags + tag(0, b"")
    entries = b"".join(struct.pack("<IQQI", 20, *r) for r in ranges)
    modules = struct.pack("<8I", 0x200000, 0x300000, 232, 0, 0x400000, 0x400800, 240, 0)
    first = bytearray(116)
    struct.pack_into("<I", first, 0, 1 << 3 | 1 << 6 | 1 << 12)
    struct.pack_into("<IIII", first, 40 - 20, 2, 0, 0, 0)
    struct.pack_into("<II", first, 44, len(entries), 116 + len(modules))
    struct.pack_into("<QIIIBB6B", first, 88, 0xFD000000, 4096, 1024, 768, 32, 1, 16, 8, 8, 8, 0, 8)
    text = b"vmlinuz quiet\0a mullion.conf\0"
    return [b"\0" + second, b"\1" + bytes(first) + modules + entries + text]


def device_seeds():
    """What a driver does first: find the UART, size and move its BAR, set its message; then text."""
    def step(what, where, value):
        return struct.pack("<BBI", what, where, value)
    sizing = [step(5, 0, 0x814), step(20, 4, 0xFFFFFFFF), step(19, 4, 0), step(20, 4, 0x1001)]
    message = [step(5, 0, 0x844), step(20, 4, 0xFEE01000), step(5, 0, 0x840), step(12, 6, 1)]
    uart = [step(1, 3, 0x80), step(1, 0, 1), step(1, 3, 3), step(1, 1, 3), step(0, 2, 0)]
    text = [step(1, 0, byte) for byte in b"login:\x1b[0m\n"] + [step(7, 255, 0x61626364)]
    echo = [step(1, 4, 0x10), step(1, 0, 0x55), step(2, 255, 0x41), step(0, 0, 0), step(6, 0, 0)]
    return [b"\1" + b"".join(steps) for steps in (sizing, message, uart + text + echo)]


def socket_seeds():
    """A connection to CID 2 with requests, two VMs that talk, and one that never refills."""
    def step(what, vm, *values):
        return bytes((what + 9 * vm, *values)).ljust(8, b"\0")
    post = [step(2, vm, 7, 200) for vm in (0, 1, 2)] * 2
    request, shutdown = step(0, 0, 3 | 7 << 3, 1, 0, 0, 0, 4), step(0, 0, 3 | 7 << 3, 4, 3)
    lines = [step(1, 0, 3 | 7 << 3, 2)[:3] + text for text in (b"list\n", b"keep ", b"64\n..", b"echo ", b"400\n.")]
    body = [step(0, 0, 3 | 7 << 3, 5, 255) for _ in range(4)]
    talk = [step(0, 1, 2 | 9 << 3, 5 + 9 * head, 20) for head in range(20)]
    return [b"".join(post + [request] + lines + body + [shutdown]),
            b"".join(talk + post + talk), b"".join(talk + [step(6, 1), step(7, 1)] + talk),
            b"".join(talk + [step(8, 2)] + talk)]


def memory_seeds():
    """Memory comes, is plugged and unplugged, and goes; a request that waits for a core."""
    def step(what, *values):
        return bytes((what, *values)).ljust(4, b"\0") + b"\xff" * 4
    give, want, trim = [step(5, frame) for frame in range(20)], step(4, 16), step(7, 7)
    plug, unplug, none = step(0, 0, 3, 6), step(0, 1, 4, 2), step(0, 2)
    states = [step(0, 3, first, 3) for first in range(1, 9)]
    return [b"".join(steps) for steps in (
        [*give, want, plug, *states, unplug, none, step(4, 0), trim, trim],
        [*give, want, plug, step(6, 1), unplug, plug, step(6, 0), step(1), step(9), plug],
        [*give, want, plug, step(0, 1, 3, 6)[:4] + b"\0\3\0\0", step(8), plug])]


def dictionary(words):
    """libFuzzer's format: one quoted entry a line."""
    quoted = ("".join(chr(b) if 0x20 < b < 0x7F and b not in b'"\\' else f"\\x{b:02x}"
                      for b in word) for word in words)
    return "".join(f'"{word}"\n' for word in quoted)


def words_of(target):
    """What a target's input is made of."""
    if target == "config":
        values = ("allow", "deny", "read", "write", "none", "any", "uart", "last", "{", "}", ";",
                  "#", '"', '\\"', "0x", "-", ",", "16M", "512M", "1G", "2T", "4096K", "255")
        return [word.encode() for word, _ in keywords()] + [word.encode() for word in values]
    if target == "kernel":
        return [b"HdrS", b"\x55\xaa", b"\x7fELF", b"Xen\0", b"\x12\0\0\0", b"\x01\0\0\0",
                b"\x04\0\0\0", b"\0\0\x10\0", b"\0\0\0\0\x01\0\0\0", b"\xff\xff\xff\xff"]
    if target == "acpi":
        tables = (b"RSD PTR ", b"XSDT", b"RSDT", b"FACP", b"APIC", b"SRAT", b"SLIT", b"MCFG",
                  b"DSDT", b"HPET", b"DMAR", b"_S5_", b"_S3_", b"\x12\x07\x04", b"\x09\x10")
        return [*tables, b"\0\0\xf0\x7f", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"\0\0\0\0\x01\0\0\0"]
    if target == "multiboot":
        return [struct.pack("<I", kind) for kind in (0, 3, 6, 8, 14, 15, 16, 20, 24, 38)]
    if target == "sockets":
        return [bytes((kind, 59)) for kind in range(27)]
    if target == "memory":
        return [bytes((kind, value)) for kind in range(10) for value in (0, 1, 2)]
    return [bytes((kind, 0)) for kind in range(8)] + [b"\xff\xff\xff\xff", b"\x80\0\0\0"]


def main():
    folder = Path(sys.argv[1])
    seeds = {"config": config_seeds(), "kernel": kernel_seeds(sys.argv[2:]),
             "multiboot": multiboot_seeds(), "devices": device_seeds(), "sockets": socket_seeds(),
             "memory": memory_seeds()}
    for target in ("config", "kernel", "acpi", "multiboot", "devices", "sockets", "memory"):
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / f"{target}.dict").write_text(dictionary(words_of(target)), encoding="ascii")
        for number, seed in enumerate(seeds.get(target, ())):
            (folder / target / f"{number:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
