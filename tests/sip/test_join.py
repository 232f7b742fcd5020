"""INVITE with Join (RFC 3911): a third party comes into a call of two."""
import unittest

from referring import PartiesCase, own_name


class TestJoin(PartiesCase):
    def join(self, phone, name, tone=660):
        return phone.invite("1001", tone=tone, headers=[("Join", name), ("Require", "join")])

    def test_three_hear_each_other_and_two_go_on(self):
        call, other = self.meet()
        third = self.join(self.phone("1002"), own_name(other))
        third.wait_answered()
        self.assertTrue(call.hears(550, 660))
        self.assertTrue(other.hears(440, 660))
        self.assertTrue(third.hears(440, 550))
        call.hangup()
        self.assertTrue(other.hears(660))
        self.assertTrue(third.hears(550))
        self.assertTrue(third.deaf_to(440))
        third.hangup()
        other.hangup()

    def test_who_was_held_is_heard_again(self):
        call, other = self.meet()
        other.hold()
        third = self.join(self.phone("1002"), own_name(other))
        third.wait_answered()
        self.assertTrue(call.hears(660))
        other.resume()
        self.assertTrue(other.hears(440, 660))
        for each in (call, other, third):
            each.hangup()

    def test_a_fourth_comes_into_the_room_of_three(self):
        call, other = self.meet()
        third = self.join(self.phone("1002"), own_name(other))
        third.wait_answered()
        self.assertTrue(other.hears(660))  # he is on his way there until then: 491
        fourth = self.join(self.phone("1002"), own_name(other), tone=770)
        fourth.wait_answered()
        self.assertTrue(fourth.hears(440, 550, 660))
        self.assertTrue(call.hears(770))
        for each in (call, other, third, fourth):
            each.hangup()

    def test_by_the_trusted_peer(self):
        call, other = self.meet()
        third = self.join(self.pbx(), own_name(call))
        third.wait_answered()
        self.assertTrue(call.hears(550, 660))
        for each in (third, call, other):
            each.hangup()

    def test_refusals(self):
        call, other = self.meet()
        self.assertEqual(self.join(self.cy, own_name(other)).wait_ended().status, 403)
        self.assertEqual(self.join(self.bo, "no@body;to-tag=a;from-tag=b").wait_ended().status, 481)
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        call.hangup()
        other.wait_ended()

    def test_a_call_that_only_rings_cannot_be_joined(self):
        call = self.ada.invite("1002")
        ringing = self.bo.wait_call()
        ringing.ring()
        call.wait_status(180)
        self.assertEqual(self.join(self.phone("1002"), own_name(ringing)).wait_ended().status, 481)
        call.hangup()


if __name__ == "__main__":
    unittest.main()
