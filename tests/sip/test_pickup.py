"""Pickup of a call that rings elsewhere (RFC 5359 section 2.16)."""
import unittest

from harness import Scenario
from test_lamps import GROUP, Lamp


class TestPickup(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(GROUP % "'1002', '1006'")

    def setUp(self):
        super().setUp()
        self.ada, self.bo, self.cy = (self.phone(n, registered=True) for n in ("1001", "1006", "1002"))

    def ringing(self):
        call = self.ada.invite("1006", tone=440)
        other = self.bo.wait_call()
        other.ring()
        call.wait_status(180)
        return call, other

    def taken(self, call, other, code):
        taker = self.cy.invite(code, tone=660)
        taker.wait_answered()
        call.wait_answered()
        reason = other.wait_request("CANCEL").get("Reason")
        self.assertIn("cause=200", reason)  # RFC 3326: no missed call
        self.assertTrue(taker.hears(440))
        self.assertTrue(call.hears(660))
        return taker

    def test_of_the_group(self):
        call, other = self.ringing()
        taker = self.taken(call, other, "*8")
        call.hangup()
        self.assertEqual(taker.wait_ended().method, "BYE")

    def test_of_one_number(self):
        call, other = self.ringing()
        taker = self.taken(call, other, "**1006")
        taker.hangup()
        self.assertEqual(call.wait_ended().method, "BYE")

    def test_the_lamp_goes_over_to_the_taker(self):
        watcher = self.phone("1006", registered=True)
        lamp = Lamp(watcher, "1002")
        lamp.next()
        call, other = self.ringing()
        self.taken(call, other, "*8")
        lamp.until("confirmed")
        call.hangup()
        lamp.until("terminated")

    def test_a_taker_whose_offer_comes_late(self):
        call, _ = self.ringing()
        taker = self.cy.invite("*8", sdp=False, tone=660)
        taker.wait_answered()
        call.wait_answered()
        self.assertTrue(taker.hears(440))
        self.assertTrue(call.hears(660))
        taker.hangup()
        call.wait_ended()

    def test_a_caller_whose_offer_comes_late(self):
        call = self.ada.invite("1006", sdp=False, tone=440)
        self.bo.wait_call().ring()
        call.wait_status(180)
        taker = self.cy.invite("**1006", tone=660)
        taker.wait_answered()
        self.assertTrue(call.wait_answered().hears(660))
        self.assertTrue(taker.hears(440))
        call.hangup()
        taker.wait_ended()

    def test_who_is_in_no_such_group_gets_nothing(self):
        call, other = self.ringing()
        stranger = self.phone("1003", registered=True)
        self.assertEqual(stranger.invite("**1006").wait_ended().status, 480)
        self.assertEqual(stranger.invite("*8").wait_ended().status, 480)
        other.answer(tone=550)
        self.assertTrue(call.wait_answered().hears(550))
        call.hangup()

    def test_nothing_rings(self):
        self.assertEqual(self.cy.invite("*8").wait_ended().status, 480)
        self.assertEqual(self.cy.invite("**1006").wait_ended().status, 480)

    def test_the_longest_ringing_comes_first(self):
        first, other = self.ringing()
        second = self.phone("1003", registered=True).invite("1006")
        another = self.bo.wait_call()
        another.ring()
        second.wait_status(180)
        taker = self.cy.invite("*8")
        taker.wait_answered()
        first.wait_answered()
        self.assertFalse(second.answered)
        second.hangup()
        taker.hangup()


if __name__ == "__main__":
    unittest.main()
