#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion create NAME --like VM`: what the monitor is asked for, and what it is not."""

import unittest

from controlled import MIB, ControlTest

PROFILES = """service host { cpus 2 }   # of the next boot
vm web { cpus 2; network lan; profile quiet }
profile quiet {
    rdtsc pass        # a comment
    port 0x70-0x71 deny
}
profile traced { rdtsc log; exception 14 count; msr 0x10 read count }
"""


class Like(ControlTest):
    def setUp(self):
        super().setUp()
        self.monitor.vm("web").controls = ["rdtsc count"]

    def fails(self, *args, status=1):
        """What it says, and that nothing is asked for."""
        found, out, err = self.run_mullion("create", *args)
        self.assertEqual((found, out), (status, ""), err)
        self.assertEqual(self.monitor.bodies, [])
        return err

    def read_as(self, body):
        """What the monitor's parser makes of the request, as diff tells it of a machine like that."""
        config = self.monitor.do_config
        self.monitor.do_config = lambda: "service host { }\nvm db { cpus 2 }\n"
        _, out, _ = self.run_mullion("diff", "-", text=(
            "service host { }\nvm web { cpus 2; network lan; rdtsc count }\n" + body))
        self.monitor.do_config = config
        return [line for line in out.splitlines() if line.startswith("~ db")]

    def test_like(self):
        """Cores and memory come from Linux as for a file; kernels that are there are not uploaded."""
        out = self.good("create", "db", "--like", "web")
        self.assertEqual(out, "db: created, cores 4,6, memory 512 MiB\n")
        self.assertEqual(self.monitor.bodies, [b"vm db {\n    like web\n}\n"])
        self.assertFalse([r for r in self.monitor.seen if r.startswith("upload")])
        self.assertEqual(self.state_of_linux(), ([3, 4], [6, 7]))
        self.assertEqual(self.monitor.vm("db").memory, 512 * MIB)

    def test_settings(self):
        self.good("create", "db", "--like", "web", "cpus=1", "memory=64M", "port 0x70=deny")
        self.assertEqual(self.monitor.bodies[0].decode(), "vm db {\n    like web\n    cpus 1\n"
                         "    memory 64M\n    port 0x70 deny\n}\n")
        self.assertEqual(self.monitor.vm("db").cpus, [4])

    def test_listed_cores(self):
        """Those very cores are taken: as many others, unless it is said how many."""
        config = self.monitor.do_config
        self.monitor.do_config = lambda: config().replace("web {\n    cpus 2", "web {\n    cpus 2-3")
        self.good("create", "db", "--like", "web", "memory=64M")
        self.assertEqual(self.monitor.bodies[0].decode(),
                         "vm db {\n    like web\n    cpus 2\n    memory 64M\n}\n")
        self.monitor.reset()
        self.good("create", "db", "--like", "web", "cpus=1", "memory=64M")
        self.assertNotIn(b"cpus 2", self.monitor.bodies[0])

    def test_profile(self):
        """Of the saved file, or another: it wins over what is copied, the own settings over it."""
        self.write("boot/mullion/mullion.conf", PROFILES)
        self.good("create", "db", "--like", "web", "--profile", "traced", "exception 14=log",
                  "memory=64M")
        body = self.monitor.bodies[0].decode()
        self.assertEqual(body, "vm db {\n    like web\n    profile traced\n    exception 14 log\n"
                               "    memory 64M\n}\nprofile traced {\n    rdtsc log\n"
                               "    exception 14 count\n    msr 0x10-0x10 read count\n}\n")
        self.assertEqual(self.read_as(body), [
            "~ db: memory is 512M, would be 64M", "~ db: network is none, would be lan",
            "~ db: msr is none, would be 0x10-0x10 read count", "~ db: rdtsc is pass, would be log",
            "~ db: exception 14 is pass, would be log"])
        self.monitor.reset()
        self.monitor.vm("web").controls = ["rdtsc count"]
        self.write("other.conf", PROFILES.replace("profile quiet {", "profile calm {").replace(
            "profile quiet }", "profile calm }"))
        self.good("create", "db", "--like", "web", "--profile", "calm", "--file", "other.conf",
                  "memory=64M")
        self.assertIn(b"profile calm {\n    rdtsc pass\n    port 0x70-0x71 deny\n}\n",
                      self.monitor.bodies[0])
        body = self.monitor.bodies[0].decode()
        self.assertNotIn("rdtsc", " ".join(self.read_as(body)))  # not as web, which counts it

    def test_file_of_profiles(self):
        """It needs no VM."""
        self.write("a.conf", "profile x { }\nprofile traced { rdtsc log }")
        self.good("create", "db", "--like", "web", "--profile", "traced", "--file", "a.conf",
                  "memory=64M", "cpus=1")
        self.assertIn(b"}\nprofile traced {\n    rdtsc log\n}\n", self.monitor.bodies[0])

    def test_unknown_profile(self):
        path = self.path("boot/mullion/mullion.conf")
        self.assertEqual(self.fails("db", "--like", "web", "--profile", "x", status=2),
                         f"mullion: {path}: there is no such file; write --file and one that has "
                         "the profile\n")
        self.write(path[len(self.folder):], PROFILES)
        self.assertEqual(self.fails("db", "--like", "web", "--profile", "x"),
                         f'mullion: {path}: there is no profile "x" in it; write one of quiet, '
                         "traced\n")
        self.write("a.conf", "vm web { }\n")
        self.assertEqual(self.fails("db", "--like", "web", "--profile", "x", "--file", "a.conf"),
                         'mullion: a.conf: there is no profile "x" in it; it has none: write '
                         "profile x { ... }, or --file and another file\n")
        self.write("a.conf", "profile quiet { rdtsc what }\n")
        self.assertIn("a.conf:1:23: ",
                      self.fails("db", "--like", "web", "--profile", "quiet", "--file", "a.conf"))
        self.write("a.conf", "vm web { cpus 0 }\n")
        self.assertIn("a.conf:1:15: ",
                      self.fails("db", "--like", "web", "--profile", "x", "--file", "a.conf"))

    def test_wrong(self):
        for args, status, told in (
                (("db", "--like", "nobody"), 1, 'there is no VM "nobody" for --like; see: mullion list'),
                (("web", "--like", "web"), 1, 'there is a VM "web" already; write a different name'),
                (("DB", "--like", "web"), 2, "this is no name of a VM: DB"),
                (("db", "--like", "w b"), 2, "this is no name of a VM: w b"),
                (("db", "--like", "web", "cpus"), 2, "this is no setting: cpus"),
                (("db", "--like", "web", "cpus=0"), 1, 'cpus=0: vm "db": cpus 0 is no core'),
                (("db", "--like", "web", "memory=64M", "hlt=what"), 1, 'hlt=what: vm "db": hlt what '),
                (("db", "--like", "web", "peers=nobody"), 1, 'peers=nobody: vm "db": peers nobody'),
                (("db", "--like", "web", "like=host"), 1, "like=host: "),
                (("a.conf", "--profile", "x"), 2, "--profile: this is for a VM like another"),
                (("a.conf", "--file", "x"), 2, "--file: this is for a VM like another"),
                (("a.conf", "cpus=1"), 2, "cpus=1: this is for a VM like another; write create NAME")):
            self.assertIn("mullion: " + told, self.fails(*args, status=status))

    def test_another_kernel(self):
        """One that the monitor has not got: from the working folder, /var/lib/mullion or /boot."""
        self.write("boot/fresh", "kernel")
        self.good("create", "db", "--like", "web", "kernel=fresh", "memory=64M", "cpus=1")
        self.assertEqual(self.monitor.bodies[0], b"kernel")
        err = self.run_mullion("create", "d2", "--like", "web", "initrd=gone", "memory=64M")[2]
        self.assertEqual(err, 'mullion: d2: vm "d2": the monitor has no gone, and no file is called '
                              "so in this folder, /var/lib/mullion or /boot; put it there\n")

    def test_refusals(self):
        """The monitor's reasons are told of the setting in whose line they are."""
        self.monitor.refuse["create"] = '5:9: vm "db": port 0x70: no'
        self.write("a.conf", PROFILES)
        status, _, err = self.run_mullion("create", "db", "--like", "web", "--profile", "quiet",
                                          "--file", "a.conf", "memory=64M", "port 0x70=deny")
        self.assertEqual((status, err), (1, 'mullion: port 0x70=deny: vm "db": port 0x70: no\n'))
        self.assertEqual(self.state_of_linux(), ([], []))

    def test_address(self):
        """A fixed address in the command line that is copied is told of."""
        config = self.monitor.do_config
        for words, told in (("ip=10.0.0.5::10.0.0.1", "ip=10.0.0.5::10.0.0.1"), ("ip=dhcp", None),
                            ("x mullion.ip=10.0.0.5 y", "mullion.ip=10.0.0.5"), ("ip zip=5", None)):
            self.monitor.do_config = lambda: config().replace(
                "    network lan\n", f'    network lan\n    cmdline "{words}"\n')
            status, _, err = self.run_mullion("create", "db", "--like", "web", "memory=64M", "cpus=1")
            self.assertEqual(status, 0)
            self.assertEqual(err, "" if told is None else (
                f'mullion: db: its command line is "web"\'s, with {told}; if two cannot have that, '
                "destroy it, and create it with 'cmdline=\"...\"'\n"))
            self.monitor.reset()
        self.monitor.do_config = lambda: config().replace(
            "    network lan\n", '    network lan\n    cmdline "ip=1.2.3.4"\n')
        self.good("create", "db", "--like", "web", "memory=64M", 'cmdline="ip=1.2.3.5"', "cpus=1")


if __name__ == "__main__":
    unittest.main()
