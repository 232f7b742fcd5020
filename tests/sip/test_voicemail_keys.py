"""The owner's keys: what each map makes of them, folders and trash, order, search, speed. Words are told by unit tests."""
import re
import time
import unittest

from harness import SOURCE, until
from mailbox import Mail, entries, pieces, seed, wait_speech, wait_tone

GUIDE = re.search("```conf\n(.*?)```", (SOURCE / "docs" / "voicemail-keys.md").read_text(), re.S).group(1)


class Keys(Mail):
    def seeds(self, user, *tones, caller="9"):
        """A message for each tone, the oldest first."""
        return [seed(self.server, user, [(hz, 2.0)], caller=caller, age_s=600 - i) for i, hz in enumerate(tones)]

    def box(self, user, what):
        self.server.psql("update mailbox set %s where number = '%s'" % (what, user))

    def assert_halved(self, call, since):
        """A tone of three seconds took half of that, at the pitch it had; a busy machine tears holes into it."""
        heard = sum(seconds for _, seconds in pieces(call, since, (1500,)))
        self.assertTrue(0.8 < heard < 2.2, heard)

    def heard_in_turn(self, call, *tones):
        for hz in tones:
            wait_tone(call, hz)


class TestBuiltIn(Keys):
    def test_keys(self):
        def other_map():
            user = self.user()
            self.box(user, "keymap = 'freeswitch', email = 'user@example.org'")
            ids = self.seeds(user, 600, 900, 1500)
            call = self.visit(user)
            call.dial("1")
            wait_tone(call, 600)
            call.dial("3")
            wait_tone(call, 900)
            call.dial("1")
            wait_tone(call, 600)
            call.dial("7")
            until(lambda: self.row(ids[0]).deleted, 5, "the deletion")
            call.dial("23")  # "save", to "family"
            until(lambda: self.row(ids[0]).folder == "family", 5, "the move")
            self.assertFalse(self.row(ids[0]).deleted)
            self.server.psql("delete from outbox where payload->>'mailbox' = '%s'" % user)
            call.dial("4")
            until(lambda: self.server.psql("select 1 from outbox where kind = 'mail' and payload->>'entry' = '%s'" % ids[0]), 5,
                  "the mail")
            call.dial("9")
            until(lambda: not self.row(ids[0]).heard, 5, "the mark as new")
            call.dial("#")
            self.assertEqual(call.wait_ended(15).method, "BYE")

        def unknown_key():
            user = self.user()
            self.seeds(user, 600)
            call = self.visit(user)
            call.dial("7")  # nothing there
            wait_speech(call)
            call.dial("1")
            wait_tone(call, 600)

        def trash():
            user = self.user()
            ids = self.seeds(user, 600, 900, 1500)
            self.server.psql("update entry set deleted_at = now() - interval '40 days' where id = '%s'" % ids[1])
            call = self.visit(user)
            call.dial("1")
            wait_tone(call, 600)
            call.dial("7")
            until(lambda: self.row(ids[0]).deleted, 5, "the deletion")
            call.hangup()
            call = self.visit(user)
            call.dial("25")
            wait_tone(call, 600)
            call.dial("6")  # what was deleted so long ago is not offered any more
            time.sleep(3)
            self.assertEqual(pieces(call, 0, (900, 1500)), [])
            call.dial("7")
            until(lambda: not self.row(ids[0]).deleted, 5, "the restoration")

        def trash_of_his_own():
            user = self.user()
            entry, = self.seeds(user, 900)
            self.server.psql("update entry set deleted_at = now() - interval '40 days' where id = '%s'" % entry)
            self.box(user, "trash_days = 50")
            call = self.visit(user)
            call.dial("25")
            wait_tone(call, 900)

        def search():
            user = self.user()
            self.seeds(user, 600, caller="12")
            filed, = self.seeds(user, 900, caller="49301234")
            self.server.psql("update entry set folder = 'work', heard = true where id = '%s'" % filed)
            call = self.visit(user)
            call.dial("37")
            time.sleep(0.3)
            call.dial("1234#")
            wait_tone(call, 900)
            self.assertEqual(pieces(call, 0, (600,)), [])
            call.dial("37")
            time.sleep(0.3)
            call.dial("4711#")  # none: back in the main menu
            wait_speech(call)
            call.dial("1")
            wait_tone(call, 600)

        def order():
            user = self.user()
            ids = self.seeds(user, 600, 900, 1500)
            self.server.psql("update entry set urgent = true where id = '%s'" % ids[1])
            call = self.visit(user)
            call.dial("061")
            until(lambda: self.server.psql("select 1 from mailbox where number = '%s' and newest_first" % user), 20, "the order")
            call.dial("2")
            until(lambda: self.server.psql("select 1 from mailbox where number = '%s' and autoplay" % user), 5, "the autoplay")
            call.dial("3")
            until(lambda: self.server.psql("select 1 from mailbox where number = '%s' and not envelope" % user), 5, "no envelope")
            call.dial("**1")
            self.heard_in_turn(call, 900, 1500, 600)  # the urgent one, then from the newest on, without a key
            until(lambda: all(entry.heard for entry in entries(self.server, user)), 10, "all to be heard")

        def speed():
            user = self.user()
            entry = seed(self.server, user, [(600, 1.0), (900, 3.0), (1500, 3.0)])
            call = self.visit(user)
            call.dial("1")
            wait_tone(call, 600)
            call.dial("1111")  # twice as fast
            wait_tone(call, 1500)
            until(lambda: self.row(entry).heard, 10, "the end of the message")
            self.assert_halved(call, 0)
            begin = time.monotonic()
            call.dial("5")  # this visit's messages stay as fast
            wait_tone(call, 1500)
            time.sleep(2)
            self.assert_halved(call, begin)

        def loudness():
            user = self.user()
            seed(self.server, user, [(600, 2.0)])
            call = self.visit(user)
            call.dial("1")
            wait_tone(call, 600)
            before = max(call.listen(0.5))
            call.dial("39")
            time.sleep(1)  # what was under way when it was pressed
            wait_tone(call, 600)
            self.assertGreater(max(call.listen(0.3)), 1.6 * before)

        def new_again():
            user = self.user()
            entry, = self.seeds(user, 600)
            call = self.visit(user)
            call.dial("1")
            until(lambda: self.row(entry).heard, 25, "the end of the message")
            call.dial("36")
            until(lambda: not self.row(entry).heard, 5, "the mark as new")
            call.dial("#")
            call.wait_ended(15)
            self.assertFalse(self.row(entry).heard)

        self.together(other_map, order, speed, trash, search, loudness, new_again, unknown_key, trash_of_his_own)


class TestOwnMap(Keys):
    SETTINGS = Mail.SETTINGS.replace("voicemail {", "voicemail { keymap = \"mine\"")
    LINKS = "keymap" + GUIDE.split("\nkeymap", 1)[1]

    def test_the_example_of_the_guide(self):
        self.assertIn('keymap = "mine"', GUIDE)

        def walk():
            user = self.user()
            ids = self.seeds(user, 600, 900)
            call = self.visit(user)
            call.dial("1")
            wait_tone(call, 600)
            until(lambda: self.row(ids[0]).heard, 10, "the end of the message")
            call.dial("3")
            until(lambda: self.row(ids[0]).deleted, 5, "the deletion")
            call.dial("2")
            wait_tone(call, 900)
            until(lambda: self.row(ids[1]).heard, 10, "the end of the message")
            call.dial("0")
            self.assertEqual(call.wait_ended(15).method, "BYE")

        self.together(walk)

    def test_faults_are_named_by_line(self):
        self.addCleanup(self.server.config.write_text, self.server.config.read_text())
        lines = len(self.server.config.read_text().splitlines())
        with self.server.config.open("a") as config:
            config.write('keymap "bad" {\n    menu "message" {\n        key "7" { act = "destroy" }\n    }\n}\n')
        done = self.server.command("--check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('confab.conf:%d: keymap "bad": menu "message": key "7" (destroy)' % (lines + 3), done.stderr)
        self.assertIn('confab.conf:%d: keymap "bad": menu "message": no key leads out of it' % (lines + 2), done.stderr)


if __name__ == "__main__":
    unittest.main()
