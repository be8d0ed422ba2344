# SPDX-License-Identifier: Apache-2.0
"""A VM's UART sends the message that the guest has written: only what is for its own core comes."""

import re

import attack_machine as attack
from emulator import CHOSEN


def test_messages_are_confined(record_property):
    service = CHOSEN.neighbour("host", 512, service=True)
    bad = attack.hostile("bad", 1, "message.elf")
    with attack.Session(attack.machine([service, bad], "message.elf")) as session:
        attack.wait_linux(session, service)
        done = attack.wait_line(
            session, r"^\[bad\] MESSAGE done: (\d+) sent, (\d+) refused, own ones (.*)$", 60)
        assert done[3] == "come", done[0]
        sent, refused = int(done[1]), int(done[2])
        denied, statistics = attack.denied(session)
        assert denied["bad"]["ipis"] == refused, f"{refused} to refuse, {denied['bad']}"
        assert statistics.vms["bad"]["state"] == "running"
        assert attack.answers(session), "the service VM is stuck\n" + session.last_words()
        attack.neighbours_unharmed(session)
        bad_lines = [line for line in session.log.lines if re.match(r"\[bad\] .*BAD", line)]
        assert not bad_lines, "\n".join(bad_lines)
        record_property("seen", f"{sent} messages, {refused} of them refused, as counted")
