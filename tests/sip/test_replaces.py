"""INVITE with Replaces (RFC 3891): who may take a call over, and what comes of it."""
import unittest

from harness import until
from referring import PartiesCase, own_name
from test_lamps import GROUP


class ReplacesCase(PartiesCase):
    SETTINGS = "sip { ring = 5 }"

    def take(self, phone, number, name, **more):
        return phone.invite(number, headers=[("Replaces", name), ("Require", "replaces")], **more)

    def assert_refused(self, taker, status):
        self.assertEqual(taker.wait_ended().status, status)


class TestConfirmed(ReplacesCase):
    def test_another_phone_of_the_same_user(self):
        for by_caller in (False, True):
            with self.subTest(by_caller=by_caller):
                call, other = self.meet()
                old, rest, tone = (call, other, 550) if by_caller else (other, call, 440)
                desk = self.phone(old.phone.user)
                taker = self.take(desk, rest.phone.user, own_name(old), tone=660)
                taker.wait_answered()
                self.assertEqual(old.wait_ended().method, "BYE")
                self.assertTrue(rest.hears(660))
                self.assertTrue(taker.hears(tone))
                taker.hangup()
                rest.wait_ended()

    def test_who_is_held_is_not_held_by_the_next(self):
        call, other = self.meet()
        other.hold()
        taker = self.take(self.phone("1002"), "1001", own_name(other), tone=660)
        taker.wait_answered()
        other.wait_ended()
        self.assertTrue(call.hears(660))
        self.assertTrue(taker.hears(440))
        call.hangup()
        taker.wait_ended()

    def test_without_an_offer(self):
        call, other = self.meet()
        taker = self.take(self.phone("1002"), "1001", own_name(other), sdp=None)
        taker.wait_answered()
        taker.media.tone = 660
        other.wait_ended()
        self.assertTrue(call.hears(660))
        self.assertTrue(taker.hears(440))
        taker.hangup()
        call.wait_ended()

    def test_a_key_goes_to_the_new_party(self):
        call, other = self.meet()
        taker = self.take(self.phone("1002"), "1001", own_name(other))
        taker.wait_answered()
        call.dial("5")
        until(lambda: taker.media.digits == "5", 5, "a digit")
        taker.hangup()
        call.wait_ended()

    def test_the_trusted_peer_takes_any(self):
        call, other = self.meet()
        taker = self.take(self.pbx(), "1002", own_name(other), tone=660)
        taker.wait_answered()
        other.wait_ended()
        self.assertTrue(call.hears(660))
        taker.hangup()
        call.wait_ended()

    def test_in_a_room(self):
        own, member = self.bo.invite("3002", tone=550), self.ada.invite("3002", tone=440)
        own.wait_answered()
        member.wait_answered()
        taker = self.take(self.phone("1002"), "3002", own_name(own), tone=660)
        taker.wait_answered()
        own.wait_ended()
        self.assertTrue(member.hears(660))
        self.assertTrue(taker.hears(440))
        taker.hangup()
        member.hangup()

    def test_refusals(self):
        call, other = self.meet()
        self.assert_refused(self.take(self.cy, "1001", own_name(other)), 403)  # a stranger
        self.assert_refused(self.take(self.phone("1002"), "1001", own_name(other, early_only=True)), 486)
        self.assert_refused(self.take(self.phone("1002"), "1001", "nobody@nowhere;to-tag=a;from-tag=b"), 481)
        self.assert_refused(self.take(self.phone("1002"), "1001", own_name(other).replace("to-tag=", "to-tag=x")), 481)
        self.assert_refused(self.take(self.phone("1002"), "1001", "nonsense"), 400)
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        name = own_name(other)
        call.hangup()
        other.wait_ended()
        self.assert_refused(self.take(self.phone("1002"), "1001", name), 603)

    def test_both_headers_contradict_each_other(self):
        call, other = self.meet()
        taker = self.take(self.phone("1002"), "1001", own_name(other))
        twice = self.phone("1002").invite("1001", headers=[("Replaces", own_name(other)), ("Join", own_name(other))])
        self.assert_refused(twice, 400)
        taker.wait_answered()
        taker.hangup()
        call.wait_ended()


class TestEarly(ReplacesCase):
    def ring(self):
        call = self.ada.invite("1002", tone=440)
        ringing = self.bo.wait_call()
        ringing.ring()
        call.wait_status(180)
        return call, ringing

    def test_a_phone_that_rings_is_picked_up_from_another(self):
        for early_only in (False, True):
            with self.subTest(early_only=early_only):
                call, ringing = self.ring()
                taker = self.take(self.phone("1002"), "1002", own_name(ringing, early_only), tone=660)
                taker.wait_answered()
                call.wait_answered()
                cancel = ringing.wait_ended()
                self.assertEqual(cancel.method, "CANCEL")
                self.assertIn("cause=200", cancel.get("Reason"))  # RFC 3326: no missed call
                self.assertTrue(call.hears(660))
                self.assertTrue(taker.hears(440))
                call.hangup()
                taker.wait_ended()

    def test_by_one_of_the_pickup_group_alone(self):
        call, ringing = self.ring()
        self.assert_refused(self.take(self.cy, "1002", own_name(ringing)), 403)
        self.server.psql(GROUP % "'1002', '1003'")
        call.hangup()
        call, ringing = self.ring()
        taker = self.take(self.cy, "1002", own_name(ringing), tone=660)
        taker.wait_answered()
        call.wait_answered()
        self.assertTrue(call.hears(660))
        self.server.psql("delete from service")
        taker.hangup()
        call.wait_ended()

    def test_a_phone_that_rings_for_a_call_of_its_own(self):
        """Click to dial: there is nobody yet whom the taker could talk to."""
        clicker = self.phone("1001")
        self.assertEqual(clicker.request("REFER", clicker.uri("1001"), [("Refer-To", "<%s>" % clicker.uri("1002"))]).status, 202)
        ringing = self.ada.wait_call()
        ringing.ring()
        self.assert_refused(self.take(self.phone("1001"), "1002", own_name(ringing)), 481)
        ringing.reject(486)

    def test_the_early_dialog_of_the_caller_is_none_of_ours(self):
        """RFC 3891 section 3: an early dialog that the server has not begun itself is answered 481."""
        call, ringing = self.ring()
        self.assert_refused(self.take(self.phone("1001"), "1002", own_name(call)), 481)
        ringing.answer()
        call.wait_answered()
        call.hangup()


if __name__ == "__main__":
    unittest.main()
