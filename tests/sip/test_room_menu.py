"""A member's keys in a room: the usual menu, one of the configuration, keys without a menu; names on entry; talk while muted."""
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

import sound
from harness import CONFABD, until
from tonevoice import ToneScenario

FILE_HZ = 540  # a recording of one's own

MENUS = """
menu "short" {
    prompt = {"conf-invalid"}
    key "2" { act = "lock-toggle" }
    key "3" { menu = "more" }
    key "7" { act = "mute-toggle" direct = true }
}
menu "more" {
    prompt = {"%s"}
    key "1" { act = "count" }
    key "2" { act = "roll-call" }
    key "9" { act = "back" }
    key "0" { act = "leave" }
}
"""


class TestMember(ToneScenario):
    SPOKEN = ("conf-usermenu", "conf-usermenu-more", "conf-muted", "conf-unmuted", "conf-onlyone", "conf-onlyperson",
              "conf-hand-raised", "conf-hand-lowered", "conf-you-are-muted", "conf-not-allowed", "conf-invalid",
              "conf-roll-callcomplete", "conf-hasjoin", "conf-hasleft", "screen-say-name", "vm-goodbye",
              "conf-thereare", "conf-otherinparty", "digits/1", "digits/2")

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-prompt-"))
        cls.addClassCleanup(shutil.rmtree, folder, True)
        sound.wav_write(folder / "more.wav", sound.sine(FILE_HZ, 0.3))
        cls.LINKS = MENUS % (folder / "more.wav")
        super().setUpClass()

    def test_the_usual_menu(self):
        one, two = self.enter("1001", "3200", 440), self.enter("1002", "3200", 620)
        self.assertTrue(two.hears(440, timeout=10))
        mark = self.say_and_wait(one, "*", "conf-usermenu-more")
        self.says(one, "conf-usermenu", mark)
        self.say_and_wait(one, "1", "conf-muted")
        until(lambda: two.deaf_to(440), 10, "the mute")
        self.say_and_wait(one, "1", "conf-unmuted")
        self.assertTrue(two.hears(440))
        self.say_and_wait(one, "5", "conf-hand-raised")
        self.say_and_wait(one, "5", "conf-hand-lowered")
        self.say_and_wait(one, "0", "conf-onlyone")
        for name in ("conf-usermenu", "conf-muted", "conf-onlyone"):
            self.silent(two, name, mark)  # the menu is his alone
        one.hangup()
        two.hangup()

    def test_a_menu_of_the_configuration(self):
        self.server.psql("insert into room (number, menu) values ('3201', 'short')")
        one, two = self.enter("1001", "3201", 440), self.enter("1002", "3201", 620)
        self.assertTrue(two.hears(440, timeout=10))
        self.say_and_wait(one, "7", "conf-muted")  # no menu is open
        until(lambda: two.deaf_to(440), 10, "the mute")
        self.say_and_wait(one, "*", "conf-invalid")
        self.say_and_wait(one, "2", "conf-not-allowed")  # to lock the room is for hosts
        mark = time.monotonic()
        self.press(one, "3")
        until(lambda: self.heard(one, FILE_HZ, mark), 10, "the words of a menu that are a file")
        self.say_and_wait(one, "1", "conf-onlyone")
        mark = self.say_and_wait(one, "2", "conf-roll-callcomplete")
        for digit in ("digits/1", "digits/2"):
            self.says(one, digit, mark)  # 1001 and 1002, as nobody has said a name
        self.say_and_wait(one, "9", "conf-invalid")
        self.press(one, "3")
        self.press(one, "0")
        one.wait_ended()
        two.hangup()

    def test_who_talks_while_muted_is_told(self):
        one, two = self.enter("1001", "3202"), self.enter("1002", "3202")
        self.say_and_wait(one, "*", "conf-usermenu")
        self.say_and_wait(one, "1", "conf-muted")
        self.press(one, "8")
        mark = time.monotonic()
        one.media.tone = 440
        self.says(one, "conf-you-are-muted", mark)
        self.silent(two, "conf-you-are-muted", mark)
        self.assertTrue(two.deaf_to(440))
        one.hangup()
        two.hangup()

    def test_names_are_said_to_the_room(self):
        self.server.psql("insert into room (number, announce, announce_count) values ('3203', 'names', true)")
        first = self.phone("1001", registered=True).invite("3203").wait_answered()
        until(lambda: self.heard(first, 1000, 0), 10, "the tone to speak after")
        self.server.wait_log("room-entered room=3203 members=1")  # he says nothing, and need press no key
        second = self.phone("1002", registered=True).invite("3203").wait_answered()
        until(lambda: self.heard(second, 1000, 0), 10, "the tone to speak after")
        mark = time.monotonic()
        second.media.tone = 850
        time.sleep(1)  # that is his name
        second.media.tone = None
        self.press(second, "#")
        self.says(first, "conf-hasjoin", mark)
        self.assertTrue(self.heard(first, 850, mark))
        self.says(second, "conf-onlyone", mark)
        mark = time.monotonic()
        second.hangup()
        self.says(first, "conf-hasleft", mark)
        self.assertTrue(self.heard(first, 850, mark))
        self.assertEqual(list(self.server.cache.glob("member-*")), [])
        first.hangup()


class TestFaults(unittest.TestCase):
    """What confab.conf must not say is told by file and line, before anything starts."""

    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "confab.conf"
            path.write_text(text)
            done = subprocess.run([str(CONFABD), "--check", "-c", str(path)], capture_output=True, text=True, check=False)
            return done.returncode, (done.stdout + done.stderr).replace(str(path), "FILE")

    def test_act_and_prompt_must_be_known(self):
        code, told = self.check('menu "a" {\n prompt = {"conf-usermenu", "conf-nothing"}\n key "1" {\n  act = "dance"\n }\n'
                                ' key "2" {\n  act = "kick"\n }\n}\n')
        self.assertNotEqual(code, 0)
        self.assertIn('FILE:1: menu "a": prompt "conf-nothing"', told)
        self.assertRegex(told, r'FILE:3: key "1": act "dance" is none')
        self.assertRegex(told, r'FILE:6: key "2": act "kick" needs a member')

    def test_the_usual_menus_are_right(self):
        self.assertEqual(self.check("realm = \"x\"\n")[0], 0)


if __name__ == "__main__":
    unittest.main()
