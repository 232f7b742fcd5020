"""Call park (RFC 5359 section 2.15)."""
import unittest

from harness import PLAN, Scenario
from referring import own_name, refer, told
from test_hold_music import CALLER, hears_music
from test_lamps import Lamp


class TestPark(Scenario):
    PLAN = PLAN.replace('"701-720" }', '"701-702 2" }')

    def park(self, user="1001", number="700"):
        phone = self.phone(user, registered=True)
        call = phone.invite(number, tone=CALLER)
        call.wait_answered()
        return phone, call

    def lamp(self, number):
        lamp = Lamp(self.phone("1004", registered=True), number)
        lamp.next()
        return lamp

    def test_a_parked_call_is_fetched_from_another_phone(self):
        lamp = self.lamp("701")
        _, call = self.park()
        dialog = lamp.until("confirmed")  # the slot, though 700 was dialled
        self.assertIn("1001", dialog.find(".//{*}remote/{*}identity").text)
        self.assertTrue(hears_music(call))
        other = self.phone("1006", registered=True).invite("701", tone=660)
        other.wait_answered()
        self.assertTrue(other.hears(CALLER))
        self.assertTrue(call.hears(660))
        lamp.until("terminated")
        other.hangup()
        self.assertEqual(call.wait_ended().method, "BYE")

    def test_slots_are_given_out_and_come_back(self):
        lamp = self.lamp("702")
        _, first = self.park("1001")
        _, second = self.park("1002")
        lamp.until("confirmed")
        self.assertEqual(self.phone("1003").invite("700").wait_ended().status, 486)  # all taken
        first.hangup()
        second.hangup()
        lamp.until("terminated")
        _, third = self.park("1003", "702")  # into a slot of his choice
        lamp.until("confirmed")
        third.hangup()
        lamp.until("terminated")

    def test_a_call_that_nobody_fetches_rings_its_parker(self):
        # 1006 sends its call on to 700: a diversion names it as the one who parks.
        caller, parker = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=CALLER)
        parker.wait_call().reject(302, [("Contact", "<sip:700@%s>" % self.server.address)])
        call.wait_answered()
        self.assertTrue(hears_music(call))
        back = parker.wait_call()
        self.assertEqual(back.caller, "1001")
        back.ring()
        back.answer(tone=660)
        self.assertTrue(call.hears(660))
        self.assertTrue(back.hears(CALLER))
        # The slot is free again.
        _, another = self.park("1002", "701")
        self.assertTrue(another.answered)
        another.hangup()
        call.hangup()
        back.wait_ended()

    def test_a_call_can_be_fetched_while_its_parker_is_rung(self):
        lamp = self.lamp("701")
        caller, parker = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=CALLER)
        parker.wait_call().reject(302, [("Contact", "<sip:700@%s>" % self.server.address)])
        call.wait_answered()
        lamp.until("confirmed")
        back = parker.wait_call()
        back.ring()
        other = self.phone("1002", registered=True).invite("701", tone=660)
        other.wait_answered()
        self.assertIn("cause=200", back.wait_request("CANCEL").get("Reason"))
        self.assertTrue(call.hears(660))
        self.assertTrue(other.hears(CALLER))
        lamp.until("terminated")
        call.hangup()
        other.wait_ended()

    def test_a_recall_in_vain_keeps_the_call(self):
        caller, parker = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=CALLER)
        parker.wait_call().reject(302, [("Contact", "<sip:700@%s>" % self.server.address)])
        call.wait_answered()
        parker.wait_call().reject(486)
        self.assertTrue(hears_music(call))
        other = self.phone("1002", registered=True).invite("701", tone=660)
        other.wait_answered()
        self.assertTrue(call.hears(660))
        call.hangup()
        other.wait_ended()

    def meet(self):
        caller, parker = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=CALLER)
        other = parker.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

    def test_a_blind_transfer_parks_and_rings_the_transferor(self):
        lamp = self.lamp("701")
        call, other = self.meet()
        refer(other, "700")
        self.assertEqual(told(other.phone)[-1], 200)
        other.wait_ended()
        self.assertIn("1001", lamp.until("confirmed").find(".//{*}remote/{*}identity").text)
        self.assertTrue(hears_music(call))
        back = other.phone.wait_call()
        self.assertEqual(back.caller, "1001")
        back.answer(tone=660)
        self.assertTrue(call.hears(660))
        self.assertTrue(back.hears(CALLER))
        lamp.until("terminated")
        call.hangup()
        back.wait_ended()

    def test_an_attended_transfer_parks_whom_the_parker_has_announced(self):
        call, other = self.meet()
        other.hold()
        own = other.phone.invite("700")
        own.wait_answered()
        self.assertTrue(own.listen(0.5))  # hears the slot
        refer(other, "700", own_name(own))
        self.assertEqual(told(other.phone)[-1], 200)
        own.wait_ended()
        other.wait_ended()
        self.assertTrue(hears_music(call))
        back = other.phone.wait_call()
        self.assertEqual(back.caller, "1001")
        back.answer(tone=660)
        self.assertTrue(call.hears(660))
        call.hangup()
        back.wait_ended()

    def test_who_is_transferred_to_a_slot_gets_whom_it_keeps(self):
        _, kept = self.park("1002", "701")
        call, other = self.meet()
        refer(other, "701")
        self.assertEqual(told(other.phone)[-1], 200)
        other.wait_ended()
        kept.media.tone = 660
        self.assertTrue(call.hears(660))
        self.assertTrue(kept.hears(CALLER))
        call.hangup()
        kept.wait_ended()


if __name__ == "__main__":
    unittest.main()
