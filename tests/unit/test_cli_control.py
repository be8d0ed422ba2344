# SPDX-License-Identifier: Apache-2.0
"""`mullion` against a monitor that is played: what it asks, what it makes of any answer."""

import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest

MULLION = os.path.abspath(os.environ.get("MULLION", "build/mullion"))
VM = ('vm name web slot 1 state {} service no cpus 2-3 memory 268435456 node 0 starts 1 cid 4 '
      'network lan mac 02:00:00:00:00:01 kernel "vmlinuz" initrd "" cmdline "a \\"b\\""\n')


class Played(threading.Thread):
    """Answers each request by a function of its line and body; keeps what was asked."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.asked, self.answer = [], answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rwb") as stream:
                try:
                    self.serve(stream)
                except (BrokenPipeError, ConnectionResetError):
                    pass

    def serve(self, stream):
        """One connection."""
        while line := stream.readline().decode().rstrip("\n"):
            words = line.split()
            body = b""
            if words[0] in ("create", "upload", "input"):
                body = stream.read(int(words[-1]))
            self.asked.append((line, body))
            raw = self.answer(line, body)
            if raw is None:
                return
            stream.write(raw)
            stream.flush()


def ok(text):
    """A good answer."""
    return b"ok %d\n" % len(text.encode()) + text.encode()


def error(text):
    """A refusal."""
    return b"error %d\n" % len(text.encode()) + text.encode()


class Control(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def play(self, answer):
        """A monitor that answers so."""
        path = os.path.join(self.folder.name, "control")
        if os.path.exists(path):
            os.remove(path)
        return Played(path, answer)

    def run_mullion(self, *args, text=""):
        """(status, output, errors) of the command."""
        env = {**os.environ, "MULLION_CONTROL": os.path.join(self.folder.name, "control"),
               "MULLION_SYSFS": self.folder.name}
        done = subprocess.run([MULLION, *args], input=text, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_list(self):
        monitor = self.play(lambda line, body: ok(VM.format("running")))
        status, out, err = self.run_mullion("list")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.splitlines()[1].split(),
                         ["web", "4", "2-3", "0", "256M", "running", "1", "lan"])
        record = json.loads(self.run_mullion("list", "--json")[1])["vm"][0]
        self.assertEqual(record["cpus"], [2, 3])
        self.assertEqual(record["cmdline"], 'a "b"')
        self.assertEqual([line for line, _ in monitor.asked], ["list", "list"])

    def test_life(self):
        states = iter(["running", "stopping", "off", "off"])
        self.play(lambda line, body: ok("" if line.startswith("kill") else
                                        VM.format(next(states, "off"))))
        self.assertEqual(self.run_mullion("kill", "web"), (0, "web: off\n", ""))
        self.play(lambda line, body: ok("" if line.startswith("stop") else VM.format("running")))
        status, _, err = self.run_mullion("stop", "--timeout", "1", "web")
        self.assertEqual(status, 4)
        self.assertIn("not stopped after 1 s", err)
        self.assertIn("mullion kill", err)

    def test_refused(self):
        self.play(lambda line, body: error("there is no vm \"x\"; see: list\n"))
        self.assertEqual(self.run_mullion("show", "x"),
                         (1, "", 'mullion: there is no vm "x"; see: list\n'))
        status, _, err = self.run_mullion("show", "../x")
        self.assertEqual(status, 2)
        self.assertIn("this is no name of a VM", err)

    def test_any_answer(self):
        for raw in (b"", b"ok", b"ok 5\nab", b"ok x\n", b"hello\n", b"ok 99999999999999999999\n",
                    b"ok 3\nabcdef", b"\0" * 50, b"ok 12\nvm name web s", b"error 0\n",
                    b"ok 9\nvm \"a b \n"):
            self.play(lambda line, body, raw=raw: raw)
            if raw in (b"", b"ok", b"ok 5\nab"):
                self.play(lambda line, body: None)
            status, out, err = self.run_mullion("list")
            self.assertIn(status, (1, 3), raw)
            self.assertEqual(out, "", raw)
            self.assertTrue(err.startswith("mullion: "), raw)

    def test_no_monitor(self):
        status, _, err = self.run_mullion("list")
        self.assertEqual(status, 3)
        self.assertIn("MULLION_CONTROL=", err)

    def test_create(self):
        def answer(line, body):
            if line == "machine":
                return ok("cpu id 0 apic 0 node 0 core 0 owner pool\n"
                          "module name vmlinuz size 1 uploaded no\n"
                          "pool memory-free 900000000 memory-largest 900000000\n")
            if line == "config":
                return ok("service host {\n    cpus 1\n}\n")
            return ok("created name web cpus 0 memory 1\n") if line.startswith("create") else ok("")
        monitor = self.play(answer)
        path = os.path.join(self.folder.name, "web.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("vm web { initrd small.img; peers host }\n")
        status, _, err = self.run_mullion("create", path)
        self.assertEqual(status, 1)
        self.assertIn("small.img: there is no such module", err)
        with open(os.path.join(self.folder.name, "small.img"), "wb") as file:
            file.write(b"x" * 100000)
        status, out, err = self.run_mullion("create", path)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("created name web", out)
        asked = dict(monitor.asked)
        self.assertEqual(asked["upload small.img 100000"], b"x" * 100000)
        self.assertEqual(asked["create 40"], b"vm web { initrd small.img; peers host }\n")
        with open(path, "w", encoding="ascii") as file:
            file.write("vm web { peers nobody }\n")
        status, _, err = self.run_mullion("create", path)
        self.assertEqual(status, 1)
        self.assertIn("web.conf:1:10: vm \"web\": peers nobody names no other VM", err)

    def test_nothing_is_stolen(self):
        """What Linux does not release stays, and what it did comes back."""
        def answer(line, body):
            if line == "machine":
                return ok("cpu id 0 apic 0 node 0 core 0 owner host\n"
                          "module name vmlinuz size 1 uploaded no\n"
                          "pool memory-free 0 memory-largest 0\n")
            return ok("service host {\n}\n" if line == "config" else "")
        monitor = self.play(answer)
        path = os.path.join(self.folder.name, "web.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("vm web {}\n")
        status, _, err = self.run_mullion("create", path)
        self.assertEqual(status, 1)
        self.assertIn("1 cores are wanted, and no more can be given", err)
        self.assertFalse([line for line, _ in monitor.asked if line.startswith(("give", "create"))])

    def test_diff(self):
        self.play(lambda line, body: ok("service host {\n    cpus 2\n}\nvm web {\n}\n"))
        path = os.path.join(self.folder.name, "m.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("service host { cpus 1 }\nvm db {}\n")
        status, out, _ = self.run_mullion("diff", path)
        self.assertEqual(status, 1)
        self.assertIn("-     cpus 2\n+     cpus 1\n", out)
        self.assertIn("vm web: only on the machine", out)
        self.assertIn("vm db: only in the file", out)

    def test_console(self):
        typed = []

        def answer(line, body):
            if line.startswith("input"):
                typed.append(body[:2])
                return ok(f"taken {min(2, len(body))}\n")
            at = int(line.split()[2])
            text = "hello\n" if at == 0 else ""
            return ok(f"ring from {at} to {at + len(text)}\n{text}")
        self.play(answer)
        status, out, _ = self.run_mullion("console", "web", text="abcd\n")
        self.assertEqual((status, out), (0, "hello\n"))
        self.assertEqual(b"".join(typed), b"abcd\n")


if __name__ == "__main__":
    unittest.main()
