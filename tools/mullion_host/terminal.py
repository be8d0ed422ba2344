# SPDX-License-Identifier: Apache-2.0
# The user's terminal as the service VM's console, with one escape key; always restored.

import os
import select
import shutil
import subprocess
import sys
import termios
import tty

from . import report

ESCAPE = b"\x1d"  # Ctrl-]
HELP = "Ctrl-] then: q leaves and ends the machine, s shows the table, Ctrl-] sends itself"


def say(text):
    """Prints lines while the terminal is raw."""
    _write(("\r\n" + text + "\r\n").replace("\r\n", "\n").replace("\n", "\r\n").encode())


def _write(data):
    try:
        while data:
            data = data[os.write(sys.stdout.fileno(), data):]
    except OSError:
        pass  # the terminal has gone; what matters is that the machine ends


def connect(session, show_table):
    """Types to the service VM until the user leaves or the machine ends; returns which."""
    keys = sys.stdin.fileno()
    saved = termios.tcgetattr(keys)
    try:
        tty.setraw(keys)
        session.console.attach(_write, report.REPORT)  # all since its prompt, and the prompt
        return _type(session, keys, show_table)
    finally:
        session.console.attach(None)
        termios.tcsetattr(keys, termios.TCSADRAIN, saved)
        _write(b"\n")


def _type(session, keys, show_table):
    escaped = False
    while session.running():
        if not select.select([keys], [], [], 0.5)[0]:
            continue
        data = os.read(keys, 1024)
        if not data:
            return "left"
        plain = b""
        for key in (data[i:i + 1] for i in range(len(data))):
            if escaped:
                escaped = False
                if key in b"qQ":
                    return "left"
                if key in b"sS":
                    say(show_table())
                elif key == ESCAPE:
                    plain += key
                else:
                    say(HELP)
            elif key == ESCAPE:
                escaped = True
            else:
                plain += key
        if plain and session.running():
            session.console.send(plain)
    return "ended"


class LogPane:
    """Inside tmux: a pane beside this one that follows the log; elsewhere nothing."""

    def __init__(self, log):
        self.pane = None
        if os.environ.get("TMUX") and shutil.which("tmux"):
            done = subprocess.run(["tmux", "split-window", "-d", "-h", "-P", "-F", "#{pane_id}",
                                   "tail", "-n", "+1", "-F", os.path.abspath(log)],
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.pane = done.stdout.strip() if done.returncode == 0 else None

    def close(self):
        """Closes the pane."""
        if self.pane:
            subprocess.run(["tmux", "kill-pane", "-t", self.pane], stderr=subprocess.DEVNULL)
