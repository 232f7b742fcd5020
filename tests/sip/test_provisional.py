"""Reliable provisional responses (RFC 3262) and UPDATE in early dialogs (RFC 3311), on each leg by itself."""
import time
import unittest

from harness import SLOW, Scenario, until
from message import Sdp

RELIABLE = [("Supported", "100rel")]


class Provisional(Scenario):
    def ringing(self, headers=RELIABLE, **more):
        """The caller's call, and the callee's, which has come in."""
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        return caller.invite("1002", tone=440, headers=headers, **more), callee.wait_call()

    def end(self, call, other):
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()


class TestToTheCaller(Provisional):
    def test_sdp_is_sent_reliably_and_the_answer_waits_for_its_prack(self):
        call, other = self.ringing()
        other.ring(183, early=True, tone=550)
        response = call.wait_status(183)
        self.assertIn("100rel", response.all("Require"))
        self.assertTrue(response.get("RSeq"))
        self.assertTrue(call.hears(550))
        other.answer()
        time.sleep(0.8)
        self.assertFalse(call.answered)
        self.assertEqual(call.prack(response).status, 200)
        call.wait_answered()
        self.assertEqual(call.responses[-1].body, "")  # it has been said
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_a_prack_of_something_else_gets_481(self):
        call, other = self.ringing()
        other.ring(183, early=True)
        response = call.wait_status(183)
        number, cseq = int(response.get("RSeq")), response.cseq[0]
        for rack in ("%d %d INVITE" % (number + 1, cseq), "%d %d INVITE" % (number, cseq + 7)):
            self.assertEqual(call.prack(response, rack=rack).status, 481, rack)
        self.assertEqual(call.prack(response).status, 200)
        other.answer()
        call.wait_answered()
        self.end(call, other)

    def test_without_sdp_only_who_requires_it_gets_it_reliably(self):
        for headers, reliably in ((RELIABLE, False), ([("Require", "100rel")], True), ((), False)):
            call, other = self.ringing(headers)
            other.ring(180)
            response = call.wait_status(180)
            self.assertEqual(response.get("RSeq") is not None, reliably, headers)
            if reliably:
                self.assertEqual(call.prack(response).status, 200)
            other.ring(183, early=True)
            response = call.wait_status(183)
            self.assertEqual(response.get("RSeq") is not None, bool(headers), headers)
            if headers:
                self.assertEqual(call.prack(response).status, 200)
            other.answer()
            call.wait_answered()
            self.end(call, other)

    def test_our_offer_in_a_reliable_response_is_answered_in_the_prack(self):
        call, other = self.ringing(sdp=False)
        other.ring(183, early=True, tone=550)
        response = call.wait_status(183)
        self.assertTrue(Sdp(response.body).codecs)
        self.assertEqual(call.prack(response, call._answer_sdp(response.body)).status, 200)
        self.assertTrue(call.hears(550))
        other.answer()
        call.wait_answered()
        self.assertEqual(call.responses[-1].body, "")
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_a_prack_without_the_answer_that_it_owes_ends_the_call(self):
        call, other = self.ringing(sdp=False)
        other.ring(183, early=True)
        self.assertEqual(call.prack(call.wait_status(183)).status, 200)
        self.assertEqual(call.wait_ended().status, 488)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_an_update_is_answered_once_the_first_offer_is(self):
        call, other = self.ringing()
        other.ring(183, early=True, tone=550)
        response, kind = call.wait_status(183), [("Content-Type", "application/sdp")]
        early = call.request("UPDATE", kind, call.offer())
        self.assertEqual(early.status, 500)
        self.assertTrue(early.get("Retry-After"))
        self.assertEqual(call.prack(response).status, 200)
        settled = call.request("UPDATE", kind, call.offer())
        self.assertEqual(settled.status, 200)
        self.assertTrue(Sdp(settled.body).codecs)
        self.assertTrue(call.hears(550))
        other.answer()
        call.wait_answered()
        self.end(call, other)

    def test_an_offer_in_prack_is_answered_in_its_200(self):
        call, other = self.ringing([("Require", "100rel")])
        other.ring(183, early=True, tone=550)
        self.assertEqual(call.prack(call.wait_status(183)).status, 200)
        other.ring(180)
        response = call.prack(call.wait_status(180), call.offer())
        self.assertEqual(response.status, 200)
        self.assertTrue(Sdp(response.body).codecs)
        other.answer()
        call.wait_answered()
        self.assertTrue(call.hears(550))
        self.end(call, other)

    def test_a_cancel_while_a_response_waits_for_its_prack_leaves_nothing(self):
        call, other = self.ringing()
        other.ring(183, early=True)
        call.wait_status(183)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_a_lost_prack_ends_the_call_with_504(self):
        call, other = self.ringing()
        other.ring(183, early=True)
        call.wait_status(183)
        self.assertEqual(call.wait_ended(40).status, 504)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.assertGreater(len([r for r in call.responses if r.status == 183]), 3)  # it was sent again and again
        self.server.wait_nothing_left()


class TestOff(Provisional):
    SETTINGS = "sip { prack = false }"

    def test_only_who_requires_it_has_it(self):
        for headers, reliably in ((RELIABLE, False), ([("Require", "100rel")], True)):
            call, other = self.ringing(headers)
            self.assertNotIn("100rel", other.invitation.all("Supported"))
            other.ring(183, early=True)
            response = call.wait_status(183)
            self.assertEqual(response.get("RSeq") is not None, reliably)
            if reliably:
                self.assertEqual(call.prack(response).status, 200)
            other.answer()
            call.wait_answered()
            self.end(call, other)


class TestFromTheCallee(Provisional):
    def pracks(self, other, count):
        def found():
            requests = [r for r in other.requests if r.method == "PRACK"]
            return requests if len(requests) >= count else None
        return until(found, 5, "%d PRACKs" % count)

    def test_each_is_acknowledged_once_and_in_order(self):
        call, other = self.ringing(())
        self.assertIn("100rel", other.invitation.all("Supported"))
        other.ring(183, early=True, tone=550, rseq=7)
        cseq = other.invitation.cseq[0]
        self.assertEqual(self.pracks(other, 1)[0].get("RAck"), "7 %d INVITE" % cseq)
        self.assertIsNone(call.wait_status(183).get("RSeq"))  # that is the other leg's affair
        other.ring(183, early=True, rseq=7)
        other.ring(180, rseq=9)
        other.ring(180, rseq=8)
        self.assertEqual(self.pracks(other, 2)[1].get("RAck"), "8 %d INVITE" % cseq)
        time.sleep(0.3 * SLOW)
        self.assertEqual(len(self.pracks(other, 2)), 2)
        other.say(200)  # the answer came in the 183
        other.answered = True
        call.wait_answered()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_an_update_of_the_callee_is_answered(self):
        call, other = self.ringing(())
        kind = [("Content-Type", "application/sdp")]
        other.ring(180)
        call.wait_status(180)
        self.assertEqual(other.request("UPDATE", kind, other.offer()).status, 491)  # our offer is not answered yet
        other.ring(183, early=True, tone=550, rseq=1)
        self.pracks(other, 1)
        self.assertTrue(call.hears(550))
        response = other.request("UPDATE", kind, other.offer(codecs=["PCMA"]))
        self.assertEqual((response.status, Sdp(response.body).codecs[0]), (200, "PCMA"))
        self.assertEqual(other.request("UPDATE").status, 200)
        other.say(200)
        call.wait_answered()
        self.end(call, other)

    def test_a_180_after_a_183_goes_on_and_a_199_does_not(self):
        """RFC 3960 section 3.2; RFC 6228."""
        call, other = self.ringing(())
        other.ring(183, early=True, tone=550)
        call.wait_status(183)
        other.say(199, tag="other")
        other.ring(180)
        call.wait_status(180)
        self.assertNotIn(199, [r.status for r in call.responses])
        self.assertTrue(call.hears(550))
        other.answer()
        call.wait_answered()
        self.end(call, other)

    def test_both_legs_count_for_themselves(self):
        call, other = self.ringing()
        other.ring(183, early=True, tone=550, rseq=7)
        response = call.wait_status(183)
        self.assertNotEqual(response.get("RSeq"), "7")
        self.pracks(other, 1)
        self.assertEqual(call.prack(response).status, 200)
        other.say(200)
        call.wait_answered()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)


if __name__ == "__main__":
    unittest.main()
