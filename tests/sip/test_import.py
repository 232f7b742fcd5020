"""confabctl import: small spools of Asterisk and FreeSWITCH with real sound, brought in and then heard by phone."""
import csv
import json
import shutil
import subprocess
import time
import unittest

from harness import CONFABD
from mailbox import BEEP_HZ, Mail, entries, pieces, wait_tone

CONF = r"""
; what an administrator has written over the years
[general]
format = wav49|gsm|wav
tz=central            ; the default
maxsecs=120
[zonemessages]
central=America/Chicago|'vm-received' Q 'digits/at' IMp
uk=Europe/London|'vm-received' q 'digits/at' R
;-- [old]
5559 => 1,Nobody --;
[default]
5551 => 4242,Anna Adams,anna@example.org,,attach=no|tz=uk|maxmsg=7|envelope=no|language=de
5552 => -8181,Bob Brown
5553=9393,Carla\; Cox,carla@example.org|second@example.org
[sales]
5551 => 1111,Another
"""
OWN = "284095"


def make_sound(path, hz, seconds=1.5, *more):
    """A tone as sox writes it for this ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sox", "-n", "-r", "8000", "-c", "1", *more, str(path), "synth", str(seconds), "sine", str(hz), "gain",
                    "-12"], check=True)


def message(folder, number, hz, ending=".wav", caller='"Dora Day" <0207946>', origtime=1700000000, ident=None, more="", sox=()):
    base = folder / ("msg%04d" % number)
    make_sound(base.with_suffix(ending), hz, 1.5, *sox)
    base.with_suffix(".txt").write_text(
        ";\n; Message Information file\n;\n[message]\norigmailbox=%s\ncontext=macro-vm\ncallerid=%s\n"
        "origdate=Tue Nov 14 10:13:20 PM UTC 2023\norigtime=%d\nduration=2\n%s%s" % (
            folder.parent.name, caller, origtime, "msg_id=%s\n" % ident if ident else "", more))


class TestImport(Mail):
    def ctl(self, *words, status=0):
        done = subprocess.run([str(CONFABD.parent / "confabctl"), "-c", str(self.server.config), "import", *map(str, words)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for pin in ("4242", "8181", "7272", "9393"):
            self.assertNotIn(pin, done.stdout + done.stderr)
        return done.stdout

    def spool(self):
        spool = self.server.folder / "asterisk"
        conf = spool.with_suffix(".conf")
        conf.write_text(CONF)
        anna, bob, carla = (spool / "default" / number for number in ("5551", "5552", "5553"))
        message(anna / "INBOX", 0, 700, origtime=1700000000)
        message(anna / "INBOX", 1, 700, caller="Unknown", origtime=1700000060)
        message(anna / "Old", 0, 700, caller="1002", origtime=1600000000)
        message(anna / "Work", 0, 700, caller="Ed <1003>", origtime=1600000001)
        message(anna / "Family", 0, 700, origtime=1600000002)
        message(anna / "Friends", 0, 700, origtime=1600000003, more="flag=Urgent\n")
        message(anna / "Urgent", 0, 700, caller="1004", origtime=1700000120)
        make_sound(anna / "unavail.wav", 1300)
        message(bob / "INBOX", 0, 1300, ".gsm", ident="1700000000-00000000")
        message(carla / "INBOX", 0, 700, ".WAV", sox=("-t", "wav", "-e", "gsm-full-rate"))
        (carla / "secret.conf").write_text("[general]\npassword = 7272\n")
        return spool, conf

    def login(self, number, pin):
        """By *98; whoever came with his old PIN gives himself a new one. In the main menu then."""
        call = self.call(self.user(), "*98")
        for digits in (number, pin, OWN, OWN):
            time.sleep(0.5)
            call.dial(digits + "#", gap=0.05)
        return call

    def hear(self, number, pin, hz):
        call = self.login(number, pin)
        call.dial("1")
        wait_tone(call, hz, 30)
        time.sleep(2)
        self.assert_tones(pieces(call, 0, (700, 1300)), [(hz, 1.5)])

    def greeted(self, number, hz):
        """As the PBX sends on a call that nobody has taken."""
        call = self.pbx().invite("7000", headers=[("Diversion", "<sip:%s@pbx>;reason=no-answer" % number)]).wait_answered()
        wait_tone(call, BEEP_HZ)
        self.assert_tones(pieces(call, 0, (700, 1300)), [(hz, 1.5)])

    def settings(self, number):
        return self.server.psql("select name, coalesce(email, ''), zone, language, max_messages, max_message_s, envelope, "
                                "pin_must_change, left(pin_hash, 3) from mailbox where number = '%s'" % number)

    def asterisk(self):
        spool, conf = self.spool()
        order = ("asterisk", spool, "--conf", conf, "--context", "default")
        told = self.ctl(*order, "--dry-run")
        self.assertIn("messages: 9 would be taken, 0 there already, 0 left out", told)
        self.assertEqual(self.settings("5551"), [])
        told = self.ctl(*order)
        self.assertIn("mailboxes: 3 taken", told)
        self.assertIn("messages: 9 taken, 0 there already, 0 left out", told)
        self.assertIn("attach=no is not carried over", told)
        self.assertEqual(self.settings("5551"), [["Anna Adams", "anna@example.org", "Europe/London", "de", "35", "120", "f", "t",
                                                  "$y$"]])
        self.assertEqual(self.settings("5553"), [["Carla; Cox", "carla@example.org", "America/Chicago", "", "500", "120", "t",
                                                  "t", "$y$"]])
        self.assertEqual(self.server.psql("select count(*) from outbox"), [["0"]])  # nobody is mailed about them
        self.assertEqual(
            self.server.psql("select extract(epoch from started)::bigint, m.caller, m.caller_name, folder, heard, urgent from "
                             "entry e join message m on m.id = e.message where mailbox = '5551' order by started"),
            [["1600000000", "1002", "", "inbox", "t", "f"], ["1600000001", "1003", "Ed", "work", "t", "f"],
             ["1600000002", "0207946", "Dora Day", "family", "t", "f"],
             ["1600000003", "0207946", "Dora Day", "friends", "t", "t"],
             ["1700000000", "0207946", "Dora Day", "inbox", "f", "f"], ["1700000060", "", "", "inbox", "f", "f"],
             ["1700000120", "1004", "", "inbox", "f", "t"]])

        # Asterisk goes on: what was heard is filed, files are counted anew, and a new message comes.
        for path in (spool / "default/5551/INBOX").glob("msg0000.*"):
            shutil.move(path, spool / "default/5551/Old" / path.name.replace("0000", "0001"))
        for path in (spool / "default/5551/INBOX").glob("msg0001.*"):
            path.rename(path.with_name(path.name.replace("0001", "0000")))
        message(spool / "default/5551/INBOX", 1, 700, origtime=1700000180)
        self.assertIn("messages: 1 taken, 9 there already, 0 left out", self.ctl(*order))
        self.assertEqual(len(entries(self.server, "5551")), 8)

    def test_what_cannot_be_read_is_told(self):
        spool = self.server.folder / "broken"
        conf = spool.with_suffix(".conf")
        conf.write_text("#include more.conf\n[a]\n5561 => ,No Pin,,,tz=mars\n[b]\n5561 => 4242,Second\n")
        inbox = spool / "a" / "5561" / "INBOX"
        message(inbox, 0, 700)
        message(inbox, 1, 700, origtime=1700000001)
        (inbox / "msg0001.wav").write_bytes(b"RIFF and no more")
        message(inbox, 2, 700, origtime=1700000002)
        (inbox / "msg0002.wav").rename(inbox / "msg0002.g729")
        message(inbox, 3, 700, origtime=1700000003)
        (inbox / "msg0003.txt").unlink()
        message(spool / "a" / "5562" / "INBOX", 0, 700)
        message(spool / "b" / "5561" / "INBOX", 0, 700)
        told = self.ctl("asterisk", spool, "--conf", conf, status=1)
        for words in ("#include more.conf\" is not followed", "5561: has no PIN", "5561: time zone \"mars\"",
                      "5561: left out: mailbox of \"b\"", "msg0001.wav: left out: not a sound file",
                      "msg0002: left out: no sound beside it", "msg0003: left out: no .txt",
                      "5562: is not in voicemail.conf", "mailboxes: 2 taken, 0 there already, 1 left out",
                      "messages: 2 taken, 0 there already, 3 left out"):
            self.assertIn(words, told)
        self.assertNotIn("5561: is not in voicemail.conf", told)
        self.assertEqual(len(entries(self.server, "5561")), 1)
        self.ctl("asterisk", spool / "nowhere", "--conf", conf, status=3)
        self.ctl("asterisk", spool, status=2)

    def freeswitch(self):
        folder = self.server.folder / "freeswitch"
        old = "/var/lib/freeswitch/storage/voicemail/default/pbx.example/5571/"
        here = folder / "voicemail/default/pbx.example/5571"
        for name, hz in (("msg_1.wav", 700), ("msg_2.wav", 700), ("greeting_1.wav", 1300), ("recorded_name.wav", 700)):
            make_sound(here / name, hz)
        row = {"created_epoch": 1700000000, "read_epoch": 0, "username": "5571", "domain": "pbx.example", "uuid": "u1",
               "cid_name": "Dora, \"D\" Day", "cid_number": "0207946", "in_folder": "inbox", "file_path": old + "msg_1.wav",
               "message_len": 2, "flags": "", "read_flags": "A_URGENT", "forwarded_by": ""}
        rows = [row, dict(row, uuid="u2", created_epoch=1600000000, read_epoch=1600000009, read_flags="B_NORMAL", flags="save",
                          file_path=old + "msg_2.wav"),
                dict(row, uuid="u3", flags="delete"), dict(row, uuid="u4", file_path=old + "gone.wav"),
                dict(row, uuid="u5", domain="other.example")]
        (folder / "voicemail_msgs.json").write_text(json.dumps(rows))
        with open(folder / "voicemail_prefs.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["username", "domain", "name_path", "greeting_path", "password"])
            table.writerow(["5571", "pbx.example", old + "recorded_name.wav", old + "greeting_1.wav", "9393"])
        order = ("freeswitch", folder, "--context", "pbx.example")
        told = self.ctl(*order, status=1)
        self.assertIn("gone.wav: left out", told)
        self.assertIn("greetings: 2 taken", told)
        self.assertIn("messages: 2 taken, 0 there already, 1 left out", told)
        wanted = [["1600000000", "0207946", "t", "f"], ["1700000000", "0207946", "f", "t"]]
        rows_sql = ("select extract(epoch from started)::bigint, caller, heard, urgent from entry e join message m "
                    "on m.id = e.message where mailbox = '5571' order by started")
        self.assertEqual(self.server.psql(rows_sql), wanted)

        # The same as CSV, by sqlite3 -csv -header: nothing is doubled.
        (folder / "voicemail_msgs.json").unlink()
        with open(folder / "voicemail_msgs.csv", "w", newline="") as file:
            table = csv.DictWriter(file, list(row))
            table.writeheader()
            table.writerows(rows)
        self.assertIn("messages: 0 taken, 2 there already, 1 left out", self.ctl(*order, status=1))
        self.assertEqual(self.server.psql(rows_sql), wanted)
        self.assertEqual(self.server.psql("select distinct caller_name from message where caller = '0207946' and call = 'import' "
                                          "and caller_name like '%,%'"), [["Dora, \"D\" Day"]])

    def test_what_came_is_there_once_and_is_heard(self):
        def gsm():
            self.hear("5552", "8181", 1300)

        def wav49():  # and a PIN of the spool
            self.hear("5553", "7272", 700)

        def greeting():
            self.greeted("5551", 1300)

        def freeswitch():
            self.hear("5571", "9393", 700)

        def freeswitch_greeting():
            self.greeted("5571", 1300)

        self.asterisk()
        self.freeswitch()
        self.together(gsm, wav49, greeting, freeswitch, freeswitch_greeting)
        for pin in ("4242", "8181", "7272", "9393"):
            self.assertNotIn(pin, self.server.log())


if __name__ == "__main__":
    unittest.main()
