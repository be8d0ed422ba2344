# SPDX-License-Identifier: Apache-2.0
# README's tour, typed into the machine of `make run`: what it shows is what is seen.

import os
import re

import pytest

from debian_rig import debian_machine, start
from mullion_host.debian import give_network
from rig import guest

PROMPT = "host# "
BLOCK = re.compile(r"(### A tour.*?```console\n)(.*?)(```)", re.DOTALL)


@pytest.fixture(scope="module")
def machine(build):
    """The machine of `make run`."""
    runs = []
    machine = debian_machine(build, "fabric/tour",
                             more=[guest("web", cpus=2), guest("db", cpus=2)], all_cores=True)
    give_network(machine)
    try:
        yield start(machine, runs)
    finally:
        for run in runs:
            run.end()


def commands(text):
    """The transcript's commands, each with the lines of its here-document."""
    found = []
    for line in text.splitlines():
        if line.startswith(PROMPT):
            found.append([line.removeprefix(PROMPT)])
        elif found and "<<" in found[-1][0] and found[-1][-1] != found[-1][0].split("<<")[1]:
            found[-1].append(line)
    return found


def play(run, lines):
    """The lines of the transcript for one command."""
    shown = [PROMPT + lines[0], *lines[1:]]
    if len(lines) > 1:
        for line in lines:
            run.type_service(line)
        return shown
    return shown + [line.rstrip() for line in run.sh(lines[0])]


def shape(text):
    """The text without what differs between two runs: numbers, and the width of columns."""
    return [re.sub(r"[\d,.]+", "0", re.sub(r"\s+", " ", line)) for line in text.splitlines()]


def test_tour(machine, build, record_property):
    """Each command of the tour succeeds and prints what README shows, but for numbers."""
    with open("README.md", encoding="utf-8") as readme:
        text = readme.read()
    head, told, tail = BLOCK.search(text).groups()
    seen = "\n".join(line for lines in commands(told) for line in play(machine, lines)) + "\n"
    with open(os.path.join(build, "fabric/tour/README.md"), "w", encoding="utf-8") as out:
        out.write(BLOCK.sub(lambda _: head + seen + tail, text))
    assert shape(seen) == shape(told), "README.md with what was seen is build/fabric/tour/README.md"
    record_property("seen", f"{len(commands(told))} commands, {len(told.splitlines())} lines")
