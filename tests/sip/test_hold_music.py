"""Music on hold made by the server (RFC 5359 sections 2.1 to 2.3), and hold as it passes without it (RFC 3264 section 8.4)."""
import math
import time
import unittest

import sound
from harness import Scenario, until

CALLER, CALLEE = 2310, 2770  # Hz; in music hardly ever loud


def hears_music(call, timeout=6.0):
    """Something loud that is none of the phones' tones, for half a second."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        samples = call.listen(0.5)
        loud = math.sqrt(sum(s * s for s in samples) / len(samples)) if len(samples) > 2000 else 0
        if loud > 100 and all(sound.deaf_to(samples, 8000, hz) for hz in (CALLER, CALLEE)):
            return True
    return False


def hears_nothing(call, seconds=0.7):
    samples = call.listen(seconds)
    return not samples or max(abs(s) for s in samples) < 50


class Hold(Scenario):
    def meet(self):
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=CALLER)
        other = callee.wait_call()
        other.answer(tone=CALLEE)
        call.wait_answered()
        self.assertTrue(call.hears(CALLEE))
        return call, other

    def until_told(self, call, direction):
        until(lambda: call.sdps[-1].direction == direction, what="%s at %s" % (direction, call.phone.user))


class TestMusic(Hold):
    SETTINGS = "sip { hold_music = true }"

    def test_the_held_side_hears_music_until_it_is_resumed(self):
        call, other = self.meet()
        self.assertIn("a=recvonly", call.hold().body)
        self.until_told(other, "sendonly")
        self.assertTrue(hears_music(other))  # though the holder's phone goes on sending its tone
        call.resume()
        self.until_told(other, "sendrecv")
        self.assertTrue(other.hears(CALLER))
        self.assertTrue(call.hears(CALLEE))
        other.dial("5")
        until(lambda: call.media.digits == "5", what="a digit after the hold")
        call.hangup()

    def test_inactive_is_sendonly_to_the_held_side(self):
        call, other = self.meet()
        self.assertIn("a=inactive", other.reinvite("inactive").body)
        self.until_told(call, "sendonly")
        self.assertTrue(hears_music(call))
        # What the held side says for itself changes nothing of it.
        self.assertIn("a=sendonly", call.reinvite("recvonly").body)
        self.assertTrue(hears_music(call))
        self.assertEqual(other.reinvite("sendrecv").status, 200)
        self.until_told(call, "sendrecv")
        self.assertTrue(call.hears(CALLEE))
        call.hangup()

    def test_nothing_plays_where_both_hold(self):
        call, other = self.meet()
        call.hold()
        self.until_told(other, "sendonly")
        self.assertTrue(hears_music(other))
        self.assertEqual(other.reinvite("inactive").status, 200)
        self.assertTrue(hears_nothing(other))
        self.assertTrue(hears_nothing(call))
        call.hangup()

    def test_a_consultation_meanwhile(self):
        call, other = self.meet()
        call.hold()
        self.assertTrue(hears_music(other))
        third = self.phone("1007", registered=True)
        second = call.phone.invite("1007", tone=CALLER)
        asked = third.wait_call()
        asked.answer(tone=660)
        second.wait_answered()
        self.assertTrue(second.hears(660))
        self.assertTrue(hears_music(other))
        second.hangup()
        call.resume()
        self.assertTrue(other.hears(CALLER))
        call.hangup()


class TestService(Hold):
    """Off for all: one user has it for those he holds, and what any other sends on hold passes."""

    def test_by_the_holders_service(self):
        self.server.psql("insert into service (subscriber, name) values ('1006', 'hold-music')")
        call, other = self.meet()
        call.hold()
        self.until_told(other, "sendonly")
        self.assertTrue(other.hears(CALLER))
        call.resume()
        other.reinvite("inactive")
        self.until_told(call, "sendonly")
        self.assertTrue(hears_music(call))
        other.reinvite("sendrecv")
        self.assertTrue(call.hears(CALLEE))
        call.hangup()


if __name__ == "__main__":
    unittest.main()
