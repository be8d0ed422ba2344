#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that talk to the monitor: what they show, ask and wait for, and their statuses."""

import os
import subprocess
import threading
import unittest

from controlled import MIB, MULLION, ControlTest


class Listings(ControlTest):
    def test_list(self):
        out = self.good("list").splitlines()
        self.assertEqual(out[0].split(), ["VM", "CID", "CORES", "NODE", "MEMORY", "STATE",
                                          "STARTS", "NETWORK"])
        self.assertEqual(out[1].split(), ["host", "3", "0,1", "0", "1G", "running", "1", "-"])
        self.assertEqual(out[2].split(), ["web", "4", "2,3", "0", "512M", "running", "1", "lan"])

    def test_list_json(self):
        vms = self.json("list", "--json")["vm"]
        self.assertEqual([vm["name"] for vm in vms], ["host", "web"])
        self.assertEqual((vms[1]["cpus"], vms[1]["memory"], vms[1]["service"]),
                         ([2, 3], 512 * MIB, False))
        self.assertEqual(vms[0]["cmdline"], 'console=ttyS0 "x y"')
        self.assertIs(vms[0]["service"], True)

    def test_show(self):
        out = self.good("show", "web")
        self.assertIn("state     running\n", out)
        self.assertIn('cmdline   console=ttyS0 "x y"\n', out)
        self.assertTrue(out.endswith(self.monitor.vm("web").text()))
        shown = self.json("show", "--json", "web")
        self.assertEqual(shown["config"], self.monitor.vm("web").text())
        self.assertEqual(shown["vm"][0]["slot"], 1)

    def test_machine(self):
        parts = self.good("machine").split("\n\n")
        self.assertEqual([part.split()[0] for part in parts], ["CORE", "MEMORY", "MODULE", "POOL",
                                                          "MONITOR'S"])
        self.assertEqual(len(parts[0].splitlines()), 9)
        self.assertIn("0x80000000  512M     0  web", parts[1])
        machine = self.json("machine", "--json")
        self.assertEqual(machine["memory"][1]["base"], 2 << 30)
        self.assertIs(machine["module"][0]["uploaded"], False)

    def test_stats(self):
        self.assertEqual({e["vm"] for e in self.json("stats", "--json")["exits"]}, {"host", "web"})
        stats = self.json("stats", "--json", "web")
        self.assertEqual([e["vm"] for e in stats["exits"]], ["web"])
        self.assertEqual(stats["device"][0]["rx-packets"], 3)
        self.assertIn("INTERRUPTS", self.good("stats"))

    def test_config(self):
        text = self.good("config")
        self.assertEqual(text, self.monitor.do_config())
        self.good("check", "-", text=text)

    def test_log(self):
        """In as many answers as it takes."""
        self.assertEqual(self.good("log"), "mullion: hello\nweb: ?[31mred\n")

    def test_log_follows(self):
        with subprocess.Popen([MULLION, "log", "--follow"], env=self.environment,
                              stdout=subprocess.PIPE) as command:
            self.assertEqual(command.stdout.readline(), b"mullion: hello\n")
            command.stdout.readline()
            self.monitor.log += b"more\n"
            self.assertEqual(command.stdout.readline(), b"more\n")
            command.terminate()


class Life(ControlTest):
    def test_stop_and_start(self):
        self.monitor.slow_states["web"] = ["running", "stopping", "stopping", "off"]
        self.assertEqual(self.good("stop", "web"), "web: stopped\n")
        self.monitor.slow_states["web"] = ["off", "starting", "starting", "running"]
        self.assertEqual(self.good("start", "web"), "web: started\n")
        self.monitor.vm("web").state = "paused"
        self.assertEqual(self.good("resume", "web"), "web: resumed\n")
        status, _, err = self.run_mullion("resume", "web")
        self.assertEqual((status, "not paused" in err), (1, True))
        self.assertEqual(self.good("reboot", "web"), "web: started\n")
        self.assertEqual(self.good("kill", "web"), "web: off\n")
        self.assertEqual(self.monitor.vm("web").starts, 3)

    def test_destroy(self):
        self.assertEqual(self.good("destroy", "web"), "web: destroyed\n")
        self.assertEqual([vm.name for vm in self.monitor.vms], ["host"])

    def test_several(self):
        status, out, err = self.run_mullion("kill", "nobody", "web")
        self.assertEqual((status, out), (1, "web: off\n"))
        self.assertEqual(err, 'mullion: there is no VM "nobody"; see list\n')

    def test_failure(self):
        self.monitor.vm("web").state = "off"
        self.monitor.vm("web").fails = True
        status, out, err = self.run_mullion("start", "web")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, "mullion: web: it has failed; see: mullion log\n")

    def test_refusal(self):
        status, out, err = self.run_mullion("start", "web")
        self.assertEqual((status, out, err),
                         (1, "", "mullion: web is running; stop it first\n"))

    def test_time_limit(self):
        self.monitor.slow_states["web"] = ["running"] * 100000
        status, out, err = self.run_mullion("stop", "--timeout", "1", "web")
        self.assertEqual((status, out), (4, ""))
        self.assertIn("mullion: web: not stopped after 1 s; ", err)
        self.assertIn("mullion kill", err)

    def test_names(self):
        for name in ("we b", "web\nkill host", "", "x" * 40, "Web"):
            status, _, err = self.run_mullion("kill", name)
            self.assertEqual(status, 2)
            self.assertIn("this is no name of a VM", err)
        self.assertEqual(self.monitor.seen, [])


class Channel(ControlTest):
    """Whatever comes from the other end, the command ends with status 3 and a line that says why."""

    def fails(self, answer, reason, command=("list",)):
        self.monitor.raw = {command[0]: answer}
        status, out, err = self.run_mullion(*command)
        self.assertEqual((status, out), (3, ""), (answer[:40], err))
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn(reason, err)

    def test_closed(self):
        for answer in (b"", b"ok", b"ok 100\nvm name", b"error 5\nno"):
            self.fails(answer, "has closed the connection")

    def test_garbage(self):
        for answer in (b"\n", b"okay 3\nabc", b"ok -1\n", b"ok 0x10\n", b"ok 3 \nabc", b"ok\n",
                       b"error\n", b"\0\xff\xfe\n", b"ok 99999999999999999999999\n", b"ok 1e3\n",
                       b"ok 67108865\n", b"x" * 100000, b"ok 2\nabcdef"):
            self.fails(answer, "makes no sense")

    def test_bad_records(self):
        for body in (b"vm name\n", b"vm name web", b'vm name "web\n', b"vm name  web\n", b"\n",
                     b'vm name "a"b\n', b"vm\0name web\n", b'vm name "\\\n'):
            self.fails(b"ok %d\n%s" % (len(body), body), "is no list of records")

    def test_bad_rings(self):
        for body in (b"", b"ring\n", b"ring from 5 to 2\n", b"ring from 0 to 9\nabc",
                     b"ring from 0 to 18446744073709551615\n", b"log from 0 to 0\n",
                     b"ring from 0 to 1\nabc"):
            answer = b"ok %d\n%s" % (len(body), body)
            self.fails(answer, "no piece of a ring", ("log",))
            self.fails(answer, "no piece of a ring", ("console", "web"))

    def test_log_that_repeats_itself(self):
        self.monitor.raw_goes_on = True
        self.monitor.raw = {"log": b"ok 20\nring from 0 to 3\nabc"}
        status, out, err = self.run_mullion("log")
        self.assertEqual((status, out), (3, "abc"))
        self.assertIn("the log goes backwards", err)

    def test_strange_records(self):
        """What cannot be printed does not reach the terminal, and what is missing is nothing."""
        body = b'vm name "\x1b[2J\xe2" memory many cpus 0-999999999999,, node -1\nother a b\nvm\n'
        self.monitor.raw = {"list": b"ok %d\n%s" % (len(body), body)}
        out = self.good("list")
        self.assertIn("?[2J?", out)
        self.assertTrue(out.isascii() and out.replace("\n", "").isprintable())
        vm = self.json("list", "--json")["vm"]
        self.assertEqual((vm[0]["cpus"], vm[0]["memory"]), ([], "many"))
        self.assertEqual(vm[1], {"saved": None})

    def test_refusals_are_printed_clean(self):
        self.monitor.refuse["list"] = "no\x07\n\x1b[2Jreally"
        self.assertEqual(self.run_mullion("list"), (1, "", "mullion: no?\nmullion: ?[2Jreally\n"))
        self.monitor.raw = {"list": b"error 0\n"}
        self.assertEqual(self.run_mullion("list")[0], 1)

    def test_no_channel(self):
        self.environment["MULLION_CONTROL"] = os.path.join(self.folder, "nothing")
        status, out, err = self.run_mullion("list")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("No such file or directory", err)

    def test_no_monitor(self):
        """Not under Mullion: the socket to CID 2 leads nowhere, or into another hypervisor."""
        del self.environment["MULLION_CONTROL"]
        del self.environment["MULLION_ROOT"]
        status, out, err = self.run_mullion("list")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("there is no way to the monitor", err)
        self.assertIn("does not run under Mullion", err)

    def test_early_refusal_of_a_body(self):
        """The monitor may refuse before it has read all that comes."""
        self.write("large", os.urandom(32 * MIB))
        done = threading.Event()
        self.addCleanup(done.set)
        self.monitor.serve = lambda handler: bool(
            handler.rfile.readline() and handler.wfile.write(b"error 9\ntoo large") and
            done.wait())
        status, _, err = self.run_mullion("upload", "large")
        self.assertEqual((status, err), (1, "mullion: too large\n"))


class Modules(ControlTest):
    def test_upload_and_forget(self):
        self.write("sub/kernel", b"\0" * 5000)
        self.assertEqual(self.good("upload", "sub/kernel"), "kernel: uploaded, 5000 bytes\n")
        self.good("upload", "--as", "other", "sub/kernel")
        self.assertEqual(self.monitor.modules["other"], [5000, "yes"])
        self.assertEqual(self.monitor.bodies[0], b"\0" * 5000)
        self.good("forget", "kernel", "other")
        self.assertEqual(set(self.monitor.modules), {"vmlinuz"})

    def test_refused(self):
        self.write("kernel", "x")
        self.monitor.refuse["upload"] = "kernel is in use by web"
        self.assertEqual(self.run_mullion("upload", "kernel"),
                         (1, "", "mullion: kernel is in use by web\n"))
        self.assertEqual(self.run_mullion("forget", "kernel")[0], 1)

    def test_wrong(self):
        self.write("empty", "")
        for args in (("upload", "none"), ("upload", "."), ("upload", "empty"), ("upload",),
                     ("upload", "--as", "a b", "empty"), ("upload", "--as", "x", "a", "b"),
                     ("forget", 'a"b')):
            self.assertEqual(self.run_mullion(*args)[0], 2, args)
        self.assertEqual(self.monitor.seen, [])


class Pipes(ControlTest):
    """`console` without a terminal."""

    def test_scroll_back(self):
        self.monitor.vm("web").console = b"boot\r\n\x1b[1mlogin: "
        self.assertEqual(self.good("console", "web"), "boot\r\n\x1b[1mlogin: ")

    def test_input(self):
        self.monitor.takes_input = 3
        self.assertEqual(self.good("console", "web", text="hello world\n"), "hello world\n")
        self.assertEqual(self.monitor.vm("web").typed, b"hello world\n")
        self.assertGreaterEqual(len(self.monitor.bodies), 4)

    def test_gone(self):
        threading.Timer(0.3, self.monitor.vms.pop).start()
        with subprocess.Popen([MULLION, "console", "web"], env=self.environment,
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE) as command:
            self.assertEqual(command.wait(30), 1)
            self.assertIn(b'there is no VM "web"', command.stderr.read())


if __name__ == "__main__":
    unittest.main()
