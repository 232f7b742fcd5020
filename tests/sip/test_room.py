"""Conference rooms: each hears the others and not himself, whatever the codecs; PIN; the member's menu."""
import time
import unittest

import sound
from harness import Scenario, until

TONES = (440, 620, 850)


class TestRoom(Scenario):
    def enter(self, user, room, tone, codecs=None):
        phone = self.phone(user, registered=True)
        if codecs:
            phone.codecs = codecs
        return phone.invite(room, tone=tone).wait_answered()

    def test_three_hear_each_other_and_not_themselves(self):
        calls = [self.enter(user, "3001", tone) for user, tone in zip(("1001", "1002", "1003"), TONES)]
        for call, own in zip(calls, TONES):
            others = [hz for hz in TONES if hz != own]
            self.assertTrue(call.hears(*others, timeout=10), "who sends %d" % own)
            self.assertTrue(call.deaf_to(own), "who sends %d" % own)
        calls[0].hangup()
        self.assertTrue(calls[1].hears(TONES[2]))
        until(lambda: calls[1].deaf_to(TONES[0]), what="the silence of who left")
        for call in calls[1:]:
            call.hangup()

    def test_codecs_and_rates_mix(self):
        """PCMA, G.722 and Opus in one room."""
        narrow = self.enter("1004", "3002", 440, ["PCMA"])
        wide = self.baresip("1005", tone=620, codec="G722/16000/1", register=False)
        full = self.baresip("1006", tone=850, codec="opus/48000/2", register=False)
        wide.dial("3002")
        full.dial("3002")
        self.assertTrue(narrow.hears(620, 850, timeout=10))
        self.assertTrue(wide.hears(440, 850))
        self.assertTrue(full.hears(440, 620))
        self.assertTrue(narrow.deaf_to(440))
        self.assertTrue(wide.deaf_to(620))
        self.assertTrue(full.deaf_to(850))
        narrow.hangup()

    def test_rooms_are_apart(self):
        one, two = self.enter("1001", "3003", 440), self.enter("1002", "3003", 620)
        three, four = self.enter("1003", "3004", 850), self.enter("1007", "3004", 1000)
        self.assertTrue(one.hears(620))
        self.assertTrue(three.hears(1000))
        self.assertTrue(one.deaf_to(850, 1000))
        self.assertTrue(four.hears(850))
        for call in (one, two, three, four):
            call.hangup()

    def test_the_room_ends_with_its_last_member(self):
        mark = self.server.mark()
        calls = [self.enter("1001", "3005", 440), self.enter("1002", "3005", 620)]
        for call in calls:
            call.hangup()
        self.server.wait_log("room-ended room=3005", 5, mark)

    def test_mute_by_the_menu(self):
        talker, listener = self.enter("1001", "3006", 440), self.enter("1002", "3006", 620)
        self.assertTrue(listener.hears(440))
        talker.dial("*1")
        until(lambda: listener.deaf_to(440), 10, "the mute")
        talker.dial("8")
        self.assertTrue(talker.hears(620, timeout=10))
        self.assertTrue(listener.deaf_to(440))
        talker.dial("*1")
        talker.dial("8")
        self.assertTrue(listener.hears(440, timeout=10))
        talker.hangup()
        listener.hangup()

    def test_digits_are_not_heard_by_the_room(self):
        one, two = self.enter("1001", "3007", None), self.enter("1002", "3007", 620)
        self.assertTrue(one.hears(620))
        begin = time.monotonic()
        one.dial("5555", ms=200)
        samples = two.media.samples(begin)
        self.assertTrue(sound.deaf_to(samples, 8000, 770) and sound.deaf_to(samples, 8000, 1336))
        self.assertEqual(two.media.digits, "")
        one.hangup()
        two.hangup()

    def test_hold_does_not_reach_the_room(self):
        one, two = self.enter("1001", "3008", 440), self.enter("1002", "3008", 620)
        self.assertTrue(two.hears(440))
        one.hold()
        until(lambda: two.deaf_to(440), 10, "the hold")
        one.resume()
        self.assertTrue(two.hears(440, timeout=10))
        self.assertTrue(one.hears(620))
        one.hangup()
        two.hangup()


class TestPin(Scenario):
    def enter(self, user, pin, tone):
        call = self.phone(user, registered=True).invite("3900", tone=tone).wait_answered()
        time.sleep(0.5)
        call.dial(pin + "#")
        return call

    def test_who_knows_the_pin_meets(self):
        one, two = self.enter("1001", "246810", 440), self.enter("1002", "135791", 620)
        self.assertTrue(one.hears(620, timeout=10))
        self.assertTrue(two.hears(440, timeout=10))
        one.hangup()
        two.hangup()

    def test_who_does_not_stays_outside(self):
        inside = [self.enter("1001", "246810", 440), self.enter("1003", "246810", 850)]  # two, so that no music plays
        outside = self.enter("1002", "111111", 620)
        self.assertTrue(inside[1].hears(440, timeout=10))
        self.assertTrue(inside[1].deaf_to(620))
        self.assertFalse(outside.hears(440, timeout=2))  # he hears speech, but no member
        for _ in range(2):
            outside.dial("222222#")
            time.sleep(4)
        outside.wait_ended(20)
        self.assertNotIn("222222", self.server.log())
        for call in inside:
            call.hangup()


if __name__ == "__main__":
    unittest.main()
