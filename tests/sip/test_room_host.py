"""A host's keys: who waits, the floor of a lecture, recording, and the end; and the music of phones on hold."""
import json
import pathlib
import shutil
import tempfile
import time
import unittest

from harness import until
from tonevoice import ToneScenario

HOST_PIN = "135791"
HAND_HZ = 660


class TestHost(ToneScenario):
    SPOKEN = ("conf-wait-admit", "conf-waitforleader", "conf-somebody-waits", "conf-to-admit", "conf-placeintoconf",
              "conf-not-admitted", "conf-lecture", "conf-ask-floor", "conf-floor-yours", "conf-floor-back", "conf-discussion",
              "conf-hand-raised", "conf-now-recording", "conf-recording-paused", "conf-recording-stopped", "conf-kicked",
              "confbridge-conf-end", "conf-nobody", "conf-peoplemenu", "conf-now-muted", "conf-now-unmuted", "conf-lockednow",
              "conf-not-possible", "feature-ask-number", "conf-hasjoin", "vm-goodbye")

    @classmethod
    def setUpClass(cls):
        cls.recordings = tempfile.mkdtemp(prefix="confab-recordings-")
        cls.addClassCleanup(shutil.rmtree, cls.recordings, True)
        cls.SETTINGS = 'conference { recordings = "%s" }' % cls.recordings
        super().setUpClass()
        cls.server.psql("insert into room (number, name, moderator_pin_hash, waiting) "
                        "select n::text, '', moderator_pin_hash, case n when 3210 then 'admit' when 3211 then 'host' end "
                        "from room, generate_series(3210, 3219) n where number = '3900'")

    def host(self, user, room, tone=None):
        return self.enter(user, room, tone, HOST_PIN)

    def member(self, user, room, tone=None):
        return self.enter(user, room, tone, "")

    def test_who_waits_is_admitted_or_refused(self):
        host = self.host("1001", "3210", 440)
        mark = time.monotonic()
        guest = self.member("1002", "3210", 620)
        self.says(guest, "conf-wait-admit", mark)
        self.says(host, "conf-somebody-waits", mark)
        self.says(host, "conf-to-admit", mark)
        self.press(guest, "*0")  # how many are inside is not for who waits
        self.assertFalse(self.heard(guest, 440, mark) or self.heard(host, 620, mark))
        self.press(host, "*51")
        self.says(guest, "conf-placeintoconf", mark)
        self.assertTrue(guest.hears(440))
        self.assertTrue(host.hears(620))
        mark = time.monotonic()
        other = self.member("1003", "3210", 850)
        self.says(other, "conf-wait-admit", mark)
        self.press(host, "8*53")
        self.says(other, "conf-not-admitted", mark)
        other.wait_ended()
        self.assertFalse(self.heard(other, 440, mark) or self.heard(guest, 850, mark) or self.heard(host, 850, mark))
        for call in (host, guest):
            call.hangup()

    def test_all_wait_until_the_host_comes(self):
        mark = time.monotonic()
        guests = [self.member("1002", "3211", 620), self.member("1003", "3211", 850)]
        self.says(guests[0], "conf-waitforleader", mark)
        self.assertFalse(self.heard(guests[0], 850, mark))
        host = self.host("1001", "3211", 440)
        self.assertTrue(guests[0].hears(440, 850))
        self.assertTrue(host.hears(620, 850))
        for call in (host, *guests):
            call.hangup()

    def test_the_floor_of_a_lecture(self):
        host, guest = self.host("1001", "3212"), self.member("1002", "3212")
        mark = self.say_and_wait(host, "*86", "conf-lecture")
        self.says(guest, "conf-lecture", mark)
        mark = time.monotonic()
        guest.media.tone = 620
        self.says(guest, "conf-ask-floor", mark)
        self.assertTrue(host.deaf_to(620))
        mark = self.say_and_wait(guest, "*5", "conf-hand-raised")
        self.press(guest, "8")
        self.press(host, "8")
        until(lambda: self.heard(host, HAND_HZ, mark), 10, "the sign of a raised hand")
        self.assertFalse(self.heard(guest, HAND_HZ, mark))
        self.press(host, "*54")
        self.says(guest, "conf-floor-yours", mark)
        self.assertTrue(host.hears(620))
        guest.hold()  # with the floor, and with music of his phone's own
        until(lambda: host.deaf_to(620), 10, "the hold")
        guest.resume()
        self.assertTrue(host.hears(620))
        self.press(host, "*55")
        self.says(guest, "conf-floor-back", mark)
        until(lambda: host.deaf_to(620), 10, "the end of his floor")
        self.say_and_wait(host, "4", "conf-nobody")
        self.press(host, "8*86")
        self.says(guest, "conf-discussion", mark)
        self.assertTrue(host.hears(620))
        host.hangup()
        guest.hangup()

    def test_recording_is_begun_paused_and_stopped(self):
        host, guest = self.host("1001", "3213", 440), self.member("1002", "3213", 620)
        mark = self.say_and_wait(host, "*84", "conf-now-recording")
        self.says(guest, "conf-now-recording", mark)
        self.say_and_wait(host, "5", "conf-recording-paused")
        mark = self.say_and_wait(host, "5", "conf-now-recording")
        self.say_and_wait(host, "4", "conf-recording-stopped")
        self.says(guest, "conf-recording-stopped", mark)
        line = self.server.wait_log(r"recording-ended room=3213 file=(\S+)")
        timeline = json.loads(pathlib.Path(line.group(1)).with_suffix(".json").read_text(encoding="utf-8"))
        self.assertEqual(len(timeline["pauses"]), 1)
        host.hangup()
        guest.hangup()

    def test_who_is_sent_away_hears_why(self):
        host = self.host("1001", "3214", 440)
        guests = [self.member(user, "3214", 620) for user in ("1002", "1003", "1004")]
        mark = time.monotonic()
        self.press(host, "*3")  # the last who came
        self.says(guests[2], "conf-kicked", mark)
        guests[2].wait_ended()
        self.assertFalse(guests[1].ended)
        self.press(host, "82")  # all but hosts
        self.says(guests[0], "conf-kicked", mark)
        for call in guests[:2]:
            call.wait_ended()
        self.assertFalse(host.ended)
        late = self.member("1002", "3214")
        mark = time.monotonic()
        self.press(host, "9")  # the end for all
        for call in (late, host):
            self.says(call, "confbridge-conf-end", mark)
            call.wait_ended()
        self.server.wait_log("room-ended room=3214")

    def test_music_of_a_held_phone_reaches_nobody(self):
        """A member's and a host's; in a lecture see there."""
        host, guest = self.host("1001", "3215", 440), self.member("1002", "3215", 620)
        ear = self.member("1003", "3215")
        self.assertTrue(ear.hears(440, 620))
        guest.hold()
        until(lambda: ear.deaf_to(620), 10, "the member's hold")
        host.hold()
        until(lambda: ear.deaf_to(440, 620), 10, "the host's hold")
        for call in (host, guest, ear):
            call.hangup()


if __name__ == "__main__":
    unittest.main()
