"""confabctl beside a server with phones: each verb once, as people and as programs read it, and used wrongly."""
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import tempfile
import termios
import unittest

from api import PORT, ApiScenario
from harness import CONFABD, SOURCE, until
from mailbox import seed

CTL = str(CONFABD.parent / "confabctl")


class Screen:
    """A terminal with a program on it."""

    def __init__(self, test, *command):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before, self.text = termios.tcgetattr(self.slave), b""
        self.program = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave)
        test.addCleanup(self.close)

    def wait(self, condition):
        """Until condition(text of the screen) is true."""
        def more():
            if select.select([self.master], [], [], 0)[0]:
                self.text += os.read(self.master, 65536)
            return condition(self.text)
        until(more, 20, "words on the screen")

    def type(self, keys):
        os.write(self.master, keys)

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self.master)
        os.close(self.slave)


class CtlScenario(ApiScenario):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="confab-ctl-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.token_file = pathlib.Path(cls.folder.name) / "admin.token"
        cls.SETTINGS = 'http { port = %d token_file = "%s"%s }' % (PORT, cls.token_file, cls.server_settings())
        super().setUpClass()
        cls.token_file.write_text(cls.admin + "\n")

    @classmethod
    def server_settings(cls):
        return ""

    def ctl(self, *words, status=0, secret=None):
        """Its stdout, or its stderr when it is to end with that status."""
        done = subprocess.run([CTL, "-c", str(self.server.config), *words], capture_output=True, text=True, timeout=60,
                              **({"input": secret} if secret is not None else {"stdin": subprocess.DEVNULL}))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def json(self, *words, **more):
        return json.loads(self.ctl(*words, "--json", **more))

    def row(self, text, first):
        """The words of the line that begins with that one."""
        lines = [line.split() for line in text.splitlines()]
        self.assertIn(first, [line[0] for line in lines if line], text)
        return [line for line in lines if line and line[0] == first][0]


class TestLive(CtlScenario):
    def test_rooms_members_and_calls(self):
        self.assertIn("confab ", self.ctl("status"))
        self.assertEqual(self.json("status")["calls"], 0)
        self.assertEqual(self.json("rooms"), [])
        host, guest = self.phone("1001", registered=True), self.phone("1002", registered=True)
        call, other = host.invite("3100"), guest.invite("3100")
        call.wait_answered()
        other.wait_answered()
        rooms = until(lambda: (r := self.json("rooms")) and r[0]["members"] == 2 and r)
        self.assertEqual((rooms[0]["room"], rooms[0]["locked"]), ("3100", False))
        self.assertEqual(self.row(self.ctl("rooms"), "3100")[-1].count(":"), 2)  # since when
        members = {m["caller"]: str(m["member"]) for m in self.json("members", "3100")}
        guest_number = members["1002"]
        self.assertEqual(self.ctl("members", "3100", "mute", guest_number), "")
        self.assertEqual(self.row(self.ctl("members", "3100"), guest_number)[1], "1002")
        self.assertEqual([m["muted"] for m in self.json("members", "3100") if m["caller"] == "1002"], [True])
        self.ctl("rooms", "3100", "lock")
        self.assertTrue(self.json("rooms")[0]["locked"])
        shown = self.ctl("top", "--once")
        self.assertRegex(shown, r"(?m)^calls 2 .* rooms 1 ")
        self.assertRegex(shown, r"(?m)^database up, \d+\.\d ms")
        self.row(shown, "3100")
        whole = self.json("top", "--once")
        self.assertEqual((len(whole["calls"]), len(whole["rooms"]), whole["database"]["up"]), (2, 1, True))
        self.ctl("members", "3100", "kick", guest_number)
        other.wait_ended()
        (standing,) = until(lambda: len(c := self.json("calls", "--live")) == 1 and c)
        self.assertEqual((standing["caller"], standing["number"]), ("1001", "3100"))
        self.row(self.ctl("calls", "--live"), standing["id"])
        self.ctl("hangup", standing["id"])
        call.wait_ended()
        self.assertIn("nothing of that name", self.ctl("hangup", standing["id"], status=1))
        self.assertIn("nothing of that name", self.ctl("members", "3100", status=1))

    def test_dial(self):
        own, other = self.phone("1001", registered=True), self.phone("1002", registered=True)
        ident = self.ctl("dial", "1001", "1002").strip()
        first = own.wait_call()
        first.answer()
        second = other.wait_call()
        second.answer()
        until(lambda: [c["state"] for c in self.json("calls", "--live") if c["id"] == ident] == ["bridged"])
        self.ctl("hangup", ident)
        first.wait_ended()
        second.wait_ended()
        until(lambda: any(row["id"] == ident for row in self.json("calls")))

    def test_top_on_a_terminal(self):
        screen = Screen(self, CTL, "-c", str(self.server.config), "top")
        screen.wait(lambda text: text.count(b"\x1b[H") >= 2 and b"/s in" in text)  # from the second view on there are rates
        screen.type(b"q")
        screen.wait(lambda text: b"\x1b[?1049l" in text)
        self.assertEqual(screen.program.wait(20), 0)
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)

    def test_whom_the_server_does_not_know(self):
        wrong = pathlib.Path(self.folder.name) / "wrong.token"
        wrong.write_text("0123")
        self.assertIn("does not know this token", self.ctl("--token-file", str(wrong), "status", status=3))
        self.assertIn("cannot be read", self.ctl("--token-file", "/nowhere", "status", status=3))
        reader = pathlib.Path(self.folder.name) / "reader.token"
        reader.write_text(self.token("read-only"))
        self.ctl("--token-file", str(reader), "rooms")
        self.assertIn("refuses", self.ctl("--token-file", str(reader), "hangup", "x", status=3))


class TestTls(CtlScenario):
    """One that signs itself: confabctl trusts what the configuration names, and nothing else."""

    @classmethod
    def server_settings(cls):
        pem, key = cls.folder.name + "/http.pem", cls.folder.name + "/http.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", pem, "-subj", "/CN=confab.test", "-days", "2"], check=True, capture_output=True)
        return ' certificate = "%s" key = "%s"' % (pem, key)

    def test_it_asks_by_tls(self):
        self.assertIn("calls    0 ", self.ctl("status"))
        pathlib.Path(self.folder.name + "/http.pem").write_text("")
        self.assertIn("cannot be asked", self.ctl("status", status=3))


class TestTables(CtlScenario):
    def test_subscribers(self):
        self.ctl("subscribers", "add", "1500", "--name", "Zoë", secret="open sesame\n")
        self.assertIn("already", self.ctl("subscribers", "add", "1500", secret="x\n", status=1))
        self.assertIn("1010", [s["number"] for s in self.json("subscribers")])
        self.assertEqual(self.row(self.ctl("subscribers", "list"), "1500")[1], "Zoë")
        self.phone("1500", password="open sesame", registered=True)
        self.ctl("subscribers", "passwd", "1500", secret="another\n")
        self.phone("1500", password="another", registered=True)
        text = "1500:confab:another"
        self.assertEqual(self.server.psql("select ha1_md5, ha1_sha256 from credential where number = '1500'"),
                         [[hashlib.md5(text.encode()).hexdigest(), hashlib.sha256(text.encode()).hexdigest()]])
        self.assertIn("mailbox", self.ctl("subscribers", "add", "1501", "--mailbox", "77", secret="x\n", status=1))
        self.assertEqual(self.server.psql("select 1 from subscriber where number = '1501'"), [])
        self.ctl("subscribers", "remove", "1500")
        self.assertIn("no such", self.ctl("subscribers", "remove", "1500", status=1))
        self.assertIn("no such", self.ctl("subscribers", "passwd", "1500", secret="x\n", status=1))
        self.assertIn("stdin", self.ctl("subscribers", "passwd", "1001", secret="", status=2))

    def test_mailboxes_messages_and_pins(self):
        seed(self.server, "1002", [(700, 1.0)], caller="1001")
        self.assertEqual(self.row(self.ctl("mailboxes"), "1002")[-3:], ["1", "0", "-"])
        (message,) = self.json("messages", "1002")
        self.assertEqual((message["caller"], message["folder"]), ("1001", "inbox"))
        self.row(self.ctl("messages", "1002"), message["id"])
        self.assertEqual(self.json("messages", "1003"), [])
        self.server.psql("update entry set deleted_at = now() where mailbox = '1002'")
        self.assertEqual([m["folder"] for m in self.json("messages", "1002")], ["trash"])
        self.assertIn("no such mailbox", self.ctl("messages", "77", status=1))
        self.ctl("pin", "1002", secret="602947\n")
        login = self.call("POST", "/api/v1/session", {"mailbox": "1002", "pin": "602947"}, token=None)
        self.assertEqual(login.status, 201)
        self.assertIn("too easy", self.ctl("pin", "1002", secret="123456\n", status=2))
        self.assertIn("6 to 16", self.ctl("pin", "1002", secret="12\n", status=2))
        self.assertIn("no such mailbox", self.ctl("pin", "77", secret="602947\n", status=1))

    def test_a_secret_is_asked_for_on_a_terminal(self):
        screen = Screen(self, CTL, "-c", str(self.server.config), "pin", "1003")
        for prompt in (b"New PIN: ", b"Again the PIN: "):
            screen.wait(lambda text: prompt in text)
            screen.type(b"602947\n")
        self.assertEqual(screen.program.wait(20), 0)
        screen.wait(lambda text: text.count(b"\n") >= 2)
        self.assertNotIn(b"602947", screen.text)
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)

    def test_tokens(self):
        secret = self.ctl("tokens", "add", "grafana").strip()
        self.assertEqual(self.get("/api/v1/session", token=secret)["role"], "read-only")
        made = self.json("tokens", "add", "boss", "--role", "host", "--subject", "3100", "--expires", "1h")
        rows = {row["name"]: row for row in self.json("tokens")}
        self.assertEqual((rows["boss"]["id"], rows["boss"]["subject"]), (made["id"], "3100"))
        self.assertIsNotNone(rows["boss"]["expires"])
        self.assertIsNone(rows["grafana"]["expires"])
        listed = self.ctl("tokens", "list")
        self.assertIn("grafana", listed)
        self.assertNotIn(secret, listed)
        self.get("/api/v1/rooms/3100", 404, token=made["secret"])
        self.ctl("tokens", "remove", made["id"])
        self.ctl("tokens", "remove", "grafana")
        self.get("/api/v1/session", 401, token=secret)
        self.assertIn("no such token", self.ctl("tokens", "remove", "grafana", status=1))
        self.ctl("tokens", "add", "x", "--role", "king", status=2)

    def test_a_name_does_not_steer_the_terminal(self):
        self.server.psql("update subscriber set name = e'\\x1b[2Jx' where number = '1009'")
        self.assertEqual(self.row(self.ctl("subscribers"), "1009")[1], "?[2Jx")

    def test_db(self):
        self.assertRegex(self.ctl("db", "check"), r"^PostgreSQL \d+.* MB, \d+ migrations\n$")
        states = {m["state"] for m in self.json("db", "check")["migrations"]}
        self.assertEqual(states, {"applied"})
        self.ctl("db", "migrate")
        self.server.psql("insert into schema_migration values (9000, '9000_later.sql', 'x')")
        self.addCleanup(self.server.psql, "delete from schema_migration where number = 9000")
        self.assertIn("newer confab", self.ctl("db", "check", status=1))

    def test_wrong_use(self):
        for words in (["frobnicate"], ["hangup"], ["dial", "1001"], ["members"], ["members", "3100", "mute"],
                      ["members", "3100", "mute", "x"], ["rooms", "3100"], ["subscribers", "add"], ["subscribers", "rename", "1"],
                      ["tokens", "add", "x", "--expires", "soon"], ["db"], ["db", "drop"], ["pin"], ["messages"], ["top", "--json"],
                      ["status", "now"], ["trace"], ["calls", "--since", "never"], ["explain", "--from", "1"], ["import", "x"]):
            with self.subTest(words=words):
                self.assertIn("makes no sense", self.ctl(*words, status=2))
        self.assertIn("Usage", self.ctl(status=2))
        shown = self.ctl("--help")
        for verb in ("status", "top", "hangup", "tokens", "db migrate", "pin"):
            self.assertIn(verb, shown)

    def test_without_a_server(self):
        self.server.stop()
        try:
            self.assertIn("is it running?", self.ctl("status", status=3))
            self.row(self.ctl("subscribers"), "1001")
        finally:
            self.server.start()


if __name__ == "__main__":
    unittest.main()
