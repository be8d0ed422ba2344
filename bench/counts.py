# SPDX-License-Identifier: Apache-2.0
# What the plugin wrote: counts at each mark, and the differences between two marks.

from collections import namedtuple
from dataclasses import dataclass, field

LOAD_NAMES = ("busy", "sleep", "idle", "pingpong", "exec", "cpuid", "work", "stream", "requests")
USER, DONE, LOADS, ROUND, ROUND_END = 1, 2, 16, 0x100, 0x101  # as in guest/bench*.c
KERNEL, MONITOR, END = 3, 4, 0xffff  # patterns that we give to the plugin; the machine's end

Reason = namedtuple("Reason", "count instructions least most")
Short = namedtuple("Short", "id cpu guest host returns nops")


@dataclass
class Full:
    """All counts at one time: processors[n] = (guest, host, entries), exits[n, code, detail]."""

    id: int
    cpu: int
    inside: bool
    processors: dict = field(default_factory=dict)
    exits: dict = field(default_factory=dict)


@dataclass
class Window:
    """What happened between two marks, on all processors together."""

    guest: int
    host: int
    entries: int
    exits: dict  # (code, detail): Reason


def read(path):
    """([Full], [Short]) in the order of time."""
    fulls, shorts = [], []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            kind, *words = line.split()
            if kind == "full":
                full = Full(int(words[0]), int(words[2]), words[3] == "guest")
            elif kind == "cpu":
                full.processors[int(words[0])] = tuple(map(int, words[2::2]))
            elif kind == "exit":
                key = int(words[0]), int(words[1], 16), int(words[2], 16)
                full.exits[key] = Reason(*map(int, words[3:]))
            elif kind == "end":
                fulls.append(full)
            elif kind == "short":
                shorts.append(Short(int(words[0]), *map(int, words[2::2])))
    return fulls, shorts


def of_cpu(full, cpu):
    """What of a block is this processor's."""
    return Full(full.id, full.cpu, full.inside, {cpu: full.processors[cpu]},
                {key: reason for key, reason in full.exits.items() if key[0] == cpu})


def first(fulls, number, inside=True):
    """The first block of this id that was noted inside (outside) of a guest."""
    return next(full for full in fulls if full.id == number and full.inside == inside)


def between(before, after):
    """The Window between two blocks."""
    guest, host, entries = (
        sum(after.processors[cpu][i] - before.processors.get(cpu, (0, 0, 0))[i]
            for cpu in after.processors) for i in range(3))
    exits = {}
    for (cpu, code, detail), new in after.exits.items():
        old = before.exits.get((cpu, code, detail), Reason(0, 0, 0, 0))
        if new.count > old.count:
            sums = exits.get((code, detail), Reason(0, 0, new.least, new.most))
            exits[code, detail] = Reason(sums.count + new.count - old.count,
                                         sums.instructions + new.instructions - old.instructions,
                                         min(sums.least, new.least), max(sums.most, new.most))
    return Window(guest, host, entries, exits)


def rounds(shorts):
    """[(guest instructions, IRETs, NOPs)] of each round of the fixed workload."""
    found, start = [], None
    for short in shorts:
        if short.id == ROUND:
            start = short
        elif short.id == ROUND_END and start and start.cpu == short.cpu:
            found.append((short.guest - start.guest, short.returns - start.returns,
                          short.nops - start.nops))
    return found
