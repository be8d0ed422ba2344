#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion edit`: the running configuration in an editor, checked, shown, applied; nothing lost."""

import os
import shlex
import unittest

import pexpect

from controlled import MULLION, ControlTest

SETTLED = "2 cores have taken it, 12345 ticks\n"


class Edit(ControlTest):
    """The editor is a script: a line of shell for each time that it is called."""

    def setUp(self):
        super().setUp()
        self.web = self.monitor.vm("web")
        self.web.controls = ["port 0x70 deny"]
        os.makedirs(self.path("tmp"))
        self.environment |= {"TMPDIR": self.path("tmp"), "FOLDER": self.folder}
        for name in ("VISUAL", "EDITOR"):
            self.environment.pop(name, None)

    def editor(self, *steps):
        """Whatever else it does, it notes what it has been called with."""
        for number, step in enumerate(steps):
            self.write(f"step{number}", step + "\n")
        self.write("editor", "#!/bin/sh\nset -e\n"
                             'echo "$@" >>"$FOLDER/called"; file=$(eval "echo \\${$#}")\n'
                             'stat -c %a "$file" "$(dirname "$file")" >>"$FOLDER/modes"\n'
                             'step=$(($(wc -l <"$FOLDER/called") - 1)); . "$FOLDER/step$step"\n')
        os.chmod(self.path("editor"), 0o755)
        self.environment["EDITOR"] = self.path("editor")

    def drafts(self):
        """The files that are left."""
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.path("tmp"))
                for name in names]

    def asked(self, word):
        return [request for request in self.monitor.seen if request.split()[0] == word]

    def test_change(self):
        """The difference is shown, the change is told, the file is private and then gone."""
        self.editor("sed -i 's/0x70 deny/0x70 allow/; s/0x70/&-0x71/' \"$file\"")
        self.assertEqual(self.good("edit"),
                         "  vm web {\n-     port 0x70 deny\n+     port 0x70-0x71 allow\n"
                         "web: port-0x70 deny -> none\nweb: port-0x70-0x71 none -> allow\n" +
                         SETTLED)
        self.assertEqual(self.read("modes").split(), ["600", "700"])
        self.assertEqual(os.listdir(self.path("tmp")), [])
        self.assertEqual(self.asked("apply")[0].split()[:2], ["apply", "1"])
        self.good("undo")
        self.assertEqual(self.web.controls, ["port 0x70 deny"])

    def test_lines_that_go_and_come(self):
        """Of several blocks, each with its first line; what stays is not shown."""
        self.editor('sed -i \'/0x70 deny/d; s/^    network/    port 0x80 deny\\n&/; '
                    's/^    cpus 2/&\\n    port 0x99 allow/; 1s/^/# mine\\n/\' "$file"')
        out = self.good("edit").split("host: ")[0]
        self.assertEqual(out, "+ # mine\n  service host {\n+     port 0x99 allow\n"
                              "  vm web {\n+     port 0x99 allow\n+     port 0x80 deny\n"
                              "-     port 0x70 deny\n")

    def test_untouched(self):
        self.editor("true")
        self.assertEqual(self.good("edit"), "nothing has changed\n")
        self.assertEqual((self.asked("apply"), os.listdir(self.path("tmp"))), ([], []))

    def test_comment_only(self):
        self.editor("echo '# hello' >>\"$file\"")
        self.assertEqual(self.good("edit"), "+ # hello\nnothing has changed\n")

    def test_which_editor(self):
        """VISUAL before EDITOR, with arguments; else `editor`, then `vi`, of PATH."""
        self.editor("true", "true", "true", "true")
        self.environment["VISUAL"] = shlex.quote(self.environment["EDITOR"]) + " -f 'two words'"
        self.environment["EDITOR"] = "false"
        self.good("edit")
        self.assertTrue(self.read("called").startswith("-f two words /"))
        del self.environment["VISUAL"], self.environment["EDITOR"]
        for name in ("vi", "editor"):
            os.makedirs(self.path("bin"), exist_ok=True)
            os.symlink(self.path("editor"), self.path("bin", name))
            # The script needs its tools, but neither editor of this machine.
            for tool in ("sh", "stat", "dirname", "wc"):
                if not os.path.exists(self.path("bin", tool)):
                    os.symlink(f"/usr/bin/{tool}", self.path("bin", tool))
            self.environment["PATH"] = self.path("bin")
            self.good("edit")
        self.assertEqual(len(self.read("called").splitlines()), 3)

    def test_no_editor(self):
        self.environment["PATH"] = self.path("tmp")
        self.assertEqual(self.run_mullion("edit"), (
            1, "", "mullion: there is no editor; set EDITOR to the name of one\n"))
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_editor_that_fails(self):
        """What it has written is not applied, and not lost."""
        self.editor("echo 'vm x { }' >>\"$file\"; exit 3")
        status, out, err = self.run_mullion("edit", text="l\n")
        self.assertEqual(status, 1)
        self.assertIn("the editor has failed", err)
        self.assertIn("edit again, or leave it?", out)
        self.assertIn(f"what you have written is in {self.drafts()[0]}\n", err)
        self.assertEqual(self.asked("apply"), [])

    def test_error_and_again(self):
        """On a terminal: an error, what the monitor refuses, then it is right."""
        self.monitor.refuse["apply"] = "web differs: memory"
        self.editor("sed -i 's/0x70 deny/0x70 what/' \"$file\"",
                    "sed -i 's/0x70 what/0x70 allow/' \"$file\"",
                    "grep -q 'port 0x70 allow' \"$file\"")
        command = pexpect.spawn(MULLION, ["edit"], env=self.environment, timeout=60,
                                encoding="ascii")
        self.addCleanup(command.close)
        command.expect(r'/mullion.conf:11:\d+: vm "web": .*what is not known')
        command.expect_exact("edit again, or leave it? [e/l] ")
        command.sendline("what?")
        command.expect_exact("e or l: ")
        command.sendline("e")
        command.expect_exact("+     port 0x70 allow")
        command.expect_exact("mullion: web differs: memory")
        command.expect_exact("edit again, or leave it? [e/l] ")
        del self.monitor.refuse["apply"]
        command.sendline("e")
        command.expect_exact("web: port-0x70 deny -> allow\r\n2 cores have taken it")
        command.expect(pexpect.EOF)
        command.close()
        self.assertEqual((command.exitstatus, os.listdir(self.path("tmp"))), (0, []))

    def test_error_and_leave(self):
        """By the answer, or as there is nobody to ask; the file can be applied later."""
        for text in ("l\n", ""):
            self.monitor.refuse["apply"] = "not now"
            self.editor("sed -i 's/0x70 deny/0x70 allow/' \"$file\"")
            status, _, err = self.run_mullion("edit", text=text)
            self.assertEqual(status, 1)
            draft, = self.drafts()
            self.assertEqual(err, "mullion: not now\n"
                                  f"mullion: what you have written is in {draft}\n")
            del self.monitor.refuse["apply"]
            self.assertIn("web: port-0x70 deny -> allow", self.good("apply", draft))
            self.good("undo")
            os.remove(draft)
            os.remove(self.path("called"))

    def test_empty_file(self):
        """It would destroy every VM; who has emptied it wants to leave."""
        self.editor('echo >"$file"')
        status, _, err = self.run_mullion("edit")
        self.assertEqual((status, self.asked("apply")), (1, []))
        self.assertIn("mullion.conf: this is empty", err)

    def test_interrupt(self):
        """Ctrl-C is the editor's; at the question it leaves, and tells where the text is."""
        self.editor("echo 'vm x {' >>\"$file\"; trap 'echo stays' INT; echo edits; read -r line")
        command = pexpect.spawn(MULLION, ["edit"], env=self.environment, timeout=60,
                                encoding="ascii")
        self.addCleanup(command.close)
        command.expect_exact("edits\r\n")
        command.sendintr()
        command.expect_exact("stays\r\n")
        command.sendline()
        command.expect_exact("edit again, or leave it? [e/l] ")
        command.sendintr()
        command.expect_exact(f"what you have written is in {self.drafts()[0]}\r\n")
        command.expect(pexpect.EOF)
        command.close()
        self.assertEqual(command.exitstatus, 1)

    def test_two_editors(self):
        """The second is refused, with what the first has changed, and its text is kept."""
        self.write("first-editor", "#!/bin/sh\nsed -i 's/0x70 deny/0x80 deny/' \"$1\"\n")
        os.chmod(self.path("first-editor"), 0o755)
        self.editor('sed -i "s/0x70 deny/0x70 allow/" "$file"; EDITOR="$FOLDER/first-editor" '
                    f'{shlex.quote(MULLION)} edit >"$FOLDER/first"')
        status, out, err = self.run_mullion("edit", text="e\n")
        self.assertIn("web: port-0x80 none -> deny", self.read("first"))
        self.assertEqual((status, self.web.controls), (1, ["port 0x80 deny"]))
        draft, = self.drafts()
        self.assertEqual(out, "  vm web {\n-     port 0x70 deny\n+     port 0x70 allow\n")
        self.assertEqual(err, "mullion: the machine was changed in between (configuration 1, now "
                              "2), so nothing is applied:\n  vm web {\n-     port 0x70 deny\n"
                              "+     port 0x80 deny\n"
                              f"mullion: what you have written is in {draft}\n")
        with open(draft, encoding="ascii") as file:
            self.assertIn("port 0x70 allow", file.read())

    def test_connection_lost(self):
        """Also then the text is kept."""
        self.editor("sed -i 's/0x70 deny/0x70 allow/' \"$file\"")
        self.monitor.raw = {"apply": b""}
        status, _, err = self.run_mullion("edit", text="e\n")
        self.assertEqual((status, len(self.drafts())), (3, 1))
        self.assertIn("what you have written is in", err)

    def test_no_room_for_the_file(self):
        self.environment["TMPDIR"] = "/nonexistent"
        status, _, err = self.run_mullion("edit")
        self.assertEqual(status, 1)
        self.assertIn("mullion: /nonexistent/mullion-", err)


if __name__ == "__main__":
    unittest.main()
