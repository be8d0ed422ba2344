#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion for bash: commands and options as in the help, VMs and modules from the monitor."""

import os
import subprocess
import unittest

from controlled import MULLION, ControlTest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli", "mullion.bash")


class Completion(ControlTest):
    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mullion; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", SCRIPT, MULLION, *words], text=True,
                              env=self.environment, cwd=self.folder, capture_output=True,
                              timeout=60, check=True)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_commands(self):
        self.assertEqual(self.complete("st"), {"stats", "stop", "start"})
        self.assertEqual(self.complete("-"), {"--help", "--version"})
        self.assertIn("grub-entry", self.complete(""))

    def test_options(self):
        self.assertEqual(self.complete("draw", "--"), {"--cpus", "--memory", "--nodes"})
        self.assertEqual(self.complete("stop", "web", "-"), {"--timeout"})
        self.assertEqual(self.complete("config", "-"), set())
        self.assertEqual(self.complete("stop", "--timeout", ""), set())
        self.assertEqual(self.complete("trace", "-"), {"--event", "--json", "--seconds",
                                                       "--summary"})
        self.assertEqual(self.complete("trace", "--seconds", ""), set())
        self.assertEqual(self.complete("trace", "--event", "p"), {"pause", "port"})
        self.assertEqual(self.complete("trace", "--event", "u"), {"unlisted"})
        self.assertEqual(self.complete("suggest", "-"), {"--json"})

    def test_names(self):
        self.assertEqual(self.complete("console", ""), {"host", "web"})
        self.assertEqual(self.complete("stats", "w"), {"web"})
        self.assertEqual(self.complete("suggest", "--json", ""), {"host", "web"})
        self.monitor.modules["mine"] = [5, "yes"]
        self.assertEqual(self.complete("forget", ""), {"mine"})

    def test_settings(self):
        """Of `set` the VM, then events, and behind the = what to do with them."""
        self.assertEqual(self.complete("set", ""), {"host", "web"})
        self.assertEqual(self.complete("set", "--timeout", "5", "w"), {"web"})
        self.assertEqual(self.complete("set", "web", "rdt"), {"rdtsc=", "rdtscp="})
        self.assertEqual(self.complete("set", "--timeout", "5", "web", "xs"), {"xsetbv="})
        self.assertEqual(self.complete("set", "web", "rdtsc", "="),
                         {"pass", "count", "log", "stop", "deny"})
        self.assertEqual(self.complete("set", "web", "rdtsc", "=", "c"), {"count"})
        self.assertEqual(self.complete("set", "web", "-"), {"--timeout", "--save", "--saved"})
        self.assertEqual(self.complete("set", "web", "unl"), {"unlisted="})
        self.assertEqual(self.complete("set", "web", "unlisted", "="), {"deny", "audit"})
        self.assertEqual(self.complete("set", "web", "unlisted", "=", "a"), {"audit"})
        self.assertEqual(self.complete("set", "--save", "w"), {"web"})
        self.assertEqual(self.complete("set", "--save", "web", "rdt"), {"rdtsc=", "rdtscp="})

    def test_like(self):
        """VMs behind --like, and the saved file's profiles; a list with marks has no other names."""
        self.write("boot/mullion/mullion.conf", "service host { }\nvm old { }\nvm web { hlt count }\n"
                                                "profile quiet {\n}\nprofile traced { hlt log }\n")
        self.assertEqual(self.complete("create", "db", "--like", ""), {"host", "web"})
        self.assertEqual(self.complete("create", "db", "--profile", ""), {"quiet", "traced"})
        self.assertEqual(self.complete("create", "db", "--like", "web", "--p"), {"--profile"})

    def test_files(self):
        self.write("a.conf", "")
        self.assertEqual(self.complete("create", "a"), {"a.conf"})
        self.assertEqual(self.complete("apply", "--watch", "a"), {"a.conf"})
        self.assertEqual(self.complete("grub-entry", "--image", "a"), {"a.conf"})
        self.assertEqual(self.complete("upload", "--as", ""), set())
        for words in (("list",), ("edit",), ("set",), ("apply",)):
            self.assertEqual(self.complete(*words, "--saved", "a"), {"a.conf"})
        self.assertEqual(self.complete("edit", ""), set())
        self.assertEqual(self.complete("probe", "--root", "pr"), {"proc"})

    def test_without_a_monitor(self):
        self.environment["MULLION_CONTROL"] = "/nonexistent"
        self.assertEqual(self.complete("console", ""), set())


if __name__ == "__main__":
    unittest.main()
