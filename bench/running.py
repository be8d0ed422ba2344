# SPDX-License-Identifier: Apache-2.0
# Runs one system from its start to its end and returns what it said and what was counted.

import os
import re
import time
from dataclasses import dataclass

import counts
from mullion_host.session import Session
from mullion_host.steps import HostError

LOAD = re.compile(r"MULLION-BENCH load=(\S+) seconds=([\d.]+) units=(\d+) ipis=(\d+) ticks=(\d+)")
END_SECONDS = 30  # for switching off


@dataclass
class Load:
    """What a guest says of one of its loads; seconds are those of its own clock."""

    name: str
    seconds: float
    units: int
    ipis: int
    ticks: int


@dataclass
class Result:
    """One run."""

    system: object
    command: list
    loads: dict  # name: Load, in their order
    fulls: list
    shorts: list
    console: list
    log: list


def find_loads(lines):
    """{name: Load} of a console's lines."""
    found = {}
    for line in lines:
        match = LOAD.search(line)
        if match:
            found[match[1]] = Load(match[1], float(match[2]), *map(int, match.groups()[2:]))
    return found


def read(system, command):
    """The Result of a system's last run, from the files that it left."""
    texts = []
    for name in ("console", "log"):
        with open(system.run_path(name), encoding="utf-8", errors="replace") as text:
            texts.append([line.rstrip("\r\n") for line in text])
    fulls, shorts = counts.read(system.run_path("counts"))
    console, log = texts
    return Result(system, command, find_loads(console if system.vm.service else log), fulls, shorts,
                  console, log)


def run(system, seconds):
    """Runs a system; a HostError with the console's last lines if it does not come to its end."""
    end = time.monotonic() + seconds
    with Session(system) as session:
        lines = session.console.lines if system.vm.service else session.log.lines
        while session.running() and time.monotonic() < end:
            time.sleep(0.2)
            if any(system.done in line for line in list(lines)):
                end = min(end, time.monotonic() + END_SECONDS)
        state = session.state()
        words = session.last_words()
    done = any(system.done in line for line in lines)
    if not done or not os.path.exists(system.run_path("counts")):
        raise HostError(f"{system.title}: not done within {seconds} s (QEMU {state})\n{words}")
    return read(system, session.qemu.args)
