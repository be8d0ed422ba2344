# SPDX-License-Identifier: Apache-2.0
# The machine that most tests of this folder share: the service VM's Debian and VMs on its network.

import re

from debian_rig import debian_machine, start
from mullion_host.debian import give_network
from rig import guest

WEB, DB, LEFT, RIGHT, MAIL = (f"10.77.0.{number}" for number in range(11, 16))
SERVED = 16  # MiB of their memory that `left` and `right` export
SSH = ("ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
       "-o ConnectTimeout=20")


def fabric_machine(build):
    """`web`; `db` and `left`, web's peers; `left` and `right` serve a block device each."""
    serve = f"mullion.serve={SERVED}M"
    vms = [guest("web", cpus=2), guest("db", settings="peers web"),
           guest("left", words=serve, settings="peers web"), guest("right", words=serve)]
    machine = debian_machine(build, "fabric/shared", more=vms)
    give_network(machine)
    return machine


def start_fabric(build, runs):
    """The running machine; each VM answers ssh."""
    run = start(fabric_machine(build), runs)
    for address in (WEB, DB, LEFT, RIGHT):
        run.sh(answers(address))
    return run


def answers(address):
    """The words that wait until a VM lets the service VM in."""
    return (f"for i in $(seq 60); do {SSH} root@{address} true 2>/dev/null && break; sleep 1; done; "
            f"{SSH} root@{address} true")


def on(address, command):
    """The words that run COMMAND in a VM, from the service VM."""
    return f"{SSH} root@{address} '{command}'"


def devices(run, kind="net"):
    """{VM: {counter: number}} as `mullion stats` says."""
    found = {}
    for line in run.sh("mullion stats"):
        words = line.split()
        if len(words) == 9 and words[1] == kind:
            found[words[0]] = dict(zip(("rx", "rx-bytes", "tx", "tx-bytes", "drops", "kicks",
                                        "interrupts"), map(int, words[2:])))
    return found


def listed(run):
    """{VM: words} of `mullion list`."""
    return {line.split()[0]: line.split() for line in run.sh("mullion list")[1:]}


def exits(run, names, reason=r"\w+"):
    """How often these VMs have left the guest, as `mullion stats` says."""
    lines = [line.split() for line in run.sh("mullion stats")]
    return sum(int(words[3]) for words in lines if len(words) == 4 and words[0] in names and
               words[1].isdigit() and re.fullmatch(reason, words[2]))
