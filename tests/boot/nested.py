# SPDX-License-Identifier: Apache-2.0
# Page tables read from outside: four levels, long-mode format (AMD APM 2, 5.3 and 15.25.5).

import struct
from dataclasses import dataclass

PRESENT, WRITE, USER, LARGE, NO_EXECUTE = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 63
ADDRESS = 0x000ffffffffff000
PAGE = 4096


@dataclass(frozen=True)
class Leaf:
    """What one entry maps: at ADDRESS, from physical TARGET on; rights of all levels together."""

    address: int
    target: int
    size: int
    write: bool
    user: bool
    execute: bool

    @property
    def end(self):
        """The first physical address behind it."""
        return self.target + self.size


def walk(read, root):
    """(leaves, table addresses) of the tables below ROOT; read(address, size) gives memory."""
    leaves, tables = [], set()

    def down(table, level, base, rights):
        tables.add(table)
        shift = 12 + 9 * level
        for index, entry in enumerate(struct.unpack("<512Q", read(table, PAGE))):
            if not entry & PRESENT:
                continue
            own = (bool(entry & WRITE), bool(entry & USER), not entry & NO_EXECUTE)
            both = tuple(a and b for a, b in zip(rights, own))
            address = base + (index << shift)
            if level == 0 or level < 3 and entry & LARGE:
                target = entry & ADDRESS & ~((1 << shift) - 1)
                leaves.append(Leaf(address, target, 1 << shift, *both))
            else:
                down(entry & ADDRESS, level - 1, address, both)

    down(root & ADDRESS, 3, 0, (True, True, True))
    return leaves, tables


def inside(leaves, start, end):
    """The leaves that map some physical address of [start, end)."""
    return [leaf for leaf in leaves if leaf.target < end and start < leaf.end]
