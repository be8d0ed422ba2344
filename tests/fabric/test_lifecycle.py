# SPDX-License-Identifier: Apache-2.0
# VMs that are destroyed while they start and restart, and whole configurations: requests as they are.

import re

import pytest

from debian_rig import debian_machine, start
from rig import guest

ROUNDS = 10
LINES = {"cpus": 1, "memory": "128M", "kernel": "vmlinuz", "initrd": "initrd.img"}


@pytest.fixture(scope="module")
def machine(build):
    """The service VM's shell; what was VM `web`'s is in the pool, and `db` stays."""
    runs = []
    try:
        run = start(debian_machine(build, "fabric/lifecycle", more=[guest("db"), guest("web")],
                                   quiet="db"), runs)
        ask(run, "destroy web")
        gone(run, "web")
        yield run
    finally:
        for run in runs:
            run.end()


def ask(run, *requests):
    """The answers of the control service to lines, each perhaps with a body, one after the other."""
    words = []
    for request in requests:
        line, _, body = request.partition("\n")
        text = f"{line} {len(body)}\n{body}" if body else line + "\n"
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', "\\042")
        words.append(f"printf '{text}' | socat -t 5 - VSOCK-CONNECT:2:77,bind=:1000")
    return "\n".join(run.sh("; ".join(words)))


def gone(run, name):
    """Waits until no VM has that name any more."""
    run.sh(f"for i in $(seq 50); do mullion list | grep -q '^{name} ' || break; sleep 0.2; done; "
           f"! mullion list | grep '^{name} '")


def block(name, **changed):
    """A VM's block in the configuration."""
    words = "".join(f"    {key} {value}\n" for key, value in {**LINES, **changed}.items())
    return f"vm {name} {{\n{words}}}\n"


def numbers(run):
    """The pool's free memory and the monitor's own in use."""
    text = ask(run, "machine")
    return [int(re.search(pattern, text)[1]) for pattern in (r"memory-free (\d+)",
                                                             r"monitor memory \d+ used (\d+)")]


def test_destroyed_on_the_way(machine, record_property):
    """A VM that starts, or starts again, is destroyed as soon as that can be: nothing is left."""
    ask(machine, "create\n" + block("x"), "destroy x")
    gone(machine, "x")
    before = numbers(machine)  # the monitor may have taken memory of the pool for its own
    for number in range(ROUNDS):
        answers = [ask(machine, "create\n" + block("x"))]
        if number % 2:
            answers += [ask(machine, "start x")]
            machine.sh("until mullion list | grep -q '^x .*running'; do sleep 0.1; done")
        answers += [ask(machine, "reboot x" if number % 2 else "start x", "destroy x")]
        assert "error" not in (text := " ".join(answers)) and text.count("ok ") >= 3, answers
        gone(machine, "x")
    assert numbers(machine) == before
    record_property("seen", f"{ROUNDS} VMs destroyed while they started or rebooted; free memory "
                            "and the monitor's own as before")


def state(run, name):
    """Of a VM: its state and how often it has started."""
    found = re.search(rf"name {name} .*?state (\S+) .*?starts (\d+)", ask(run, "list"))
    return found[1], int(found[2])


def test_killed_on_the_way(machine, record_property):
    """`kill` of a VM that is about to start again leaves it off; `start` is then obeyed."""
    ask(machine, "create\n" + block("x"))
    for number in range(1, 4):
        answers = [ask(machine, "start x")]
        machine.sh("until mullion list | grep -q '^x .*running'; do sleep 0.1; done")
        answers += [ask(machine, "reboot x", "kill x")]
        assert "error" not in " ".join(answers), answers
        machine.sh("until mullion list | grep -q '^x .* off'; do sleep 0.1; done; sleep 2")
        assert state(machine, "x") == ("off", number)
    ask(machine, "destroy x")
    gone(machine, "x")
    record_property("seen", "3 times off, without another start")


def test_peer_that_goes(machine):
    """A VM that is no more is nobody's peer: the configuration that is there can be applied."""
    ask(machine, "create\n" + block("x"))
    machine.sh("mullion set db peers=x; mullion config | grep 'peers .*x'")
    ask(machine, "destroy x")
    gone(machine, "x")
    now = "\n".join(machine.sh("mullion config")) + "\n"
    assert "peers" not in now
    assert ask(machine, "apply\n" + now) == "ok 0"


def test_apply(machine, record_property):
    """A whole configuration: what is missing goes, what is new comes, what differs is refused."""
    now = "\n".join(machine.sh("mullion config")) + "\n"
    listed = ask(machine, "list")
    assert ask(machine, "apply\n" + now) == "ok 0"
    assert ask(machine, "list") == listed
    refused = (
        now.replace("cpus 0-0", "cpus 2"),
        block("db"),
        now + block("x", kernel="nothing"),
        now + block("x") + block("y"),
        "poweroff service\n" + now,
    )
    for text in refused:
        answer = ask(machine, "apply\n" + text)
        assert "error " in answer, (text, answer)
        assert ask(machine, "list") == listed
    assert "created name x cpus" in ask(machine, "apply\n" + now + block("x"))
    assert " x " in ask(machine, "list")
    assert "destroyed name x" in ask(machine, "apply\n" + now)
    gone(machine, "x")
    assert ask(machine, "list") == listed
    record_property("seen", f"{len(refused)} texts refused and nothing changed; one VM made and "
                            "destroyed by applying a text with it, then without")


def write(run, **changed):
    """The file x.conf, with VM x as described."""
    run.sh("printf '" + block("x", **changed).replace("\n", "\\n") + "' >x.conf")


def has(run):
    """What the service VM's Linux has: memory in KiB, blocks on line, cores on line."""
    memory = run.sh("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")[-1]
    blocks = run.sh("grep -l online /sys/devices/system/memory/memory*/state | wc -l")[-1]
    return int(memory), int(blocks), run.sh("cat /sys/devices/system/cpu/online")[-1]


def test_memory_and_cores_of_linux(machine, record_property):
    """What the pool lacks comes from the service VM's Linux, and goes back; or the reason is said."""
    memory, blocks, cores = before = has(machine)
    free = numbers(machine)[0]
    write(machine, cpus=2, memory=f"{(free >> 20) + 150}M")
    machine.sh("mullion create x.conf && mullion start x")
    machine.sh("for i in $(seq 60); do mullion console x </dev/null | grep -q MULLION-REPORT && "
               "break; sleep 1; done; mullion console x </dev/null | grep MULLION-REPORT.*cpus=2")
    given, left, less = has(machine)
    assert left < blocks and given <= memory - (128 << 10) and less != cores
    machine.sh("mullion destroy x")
    assert has(machine) == before and numbers(machine)[0] == free
    listed = ask(machine, "list")
    for changed in ({"memory": "1500M"}, {"cpus": 4}):
        write(machine, **changed)
        said = machine.sh("mullion create x.conf; test $? = 1")
        assert any(line.startswith("mullion: Linux keeps ") for line in said), said
        assert any("needed, and Linux does not release" in line for line in said), said
        assert has(machine) == before and ask(machine, "list") == listed
    record_property("seen", f"a VM of {(free >> 20) + 150} MiB, {(memory - given) >> 10} MiB and a "
                            "core of it from the service VM, which got them back; two refusals")
