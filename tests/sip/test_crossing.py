"""What comes when its call or session is about to be gone, and what comes without end: by hostile or hurried peers."""
import threading
import time
import unittest

from harness import Scenario
from referring import own_name, refer_to, told

SDP = [("Content-Type", "application/sdp")]


class Crossing(Scenario):
    SETTINGS = "sip { ring = 3 }"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null")

    def meet(self, caller, callee):
        call = caller.invite(callee.user, tone=440)
        other = callee.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

    def pair(self, transport="udp"):
        self.ada, self.bo = self.phone("1001", registered=True, transport=transport), self.phone("1002", registered=True)
        return self.ada, self.bo


class TestPrack(Crossing):
    """RFC 3262 section 3: a response that waits for its PRACK may be overtaken by the final one."""

    def reliable(self):
        caller, callee = self.pair()
        call = caller.invite("1002", tone=440, headers=[("Supported", "100rel")])
        other = callee.wait_call()
        other.ring(183, early=True)
        return call, other, call.wait_status(183)

    def test_after_a_refusal(self):
        call, other, response = self.reliable()
        other.reject(486)
        self.assertEqual(call.wait_ended().status, 486)
        self.server.wait_nothing_left()
        self.assertIn(call.prack(response).status, (200, 481))

    def test_after_a_cancel(self):
        call, other, response = self.reliable()
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        other.wait_ended()
        self.server.wait_nothing_left()
        self.assertIn(call.prack(response).status, (200, 481))


class TestInOneSegment(Crossing):
    """Several requests in one segment of TCP are read before any timer runs."""

    def consult(self, by_caller):
        """Calls of Ada's, by TCP, with Bo and with Cy."""
        ada, bo = self.pair("tcp")
        first, far = self.meet(ada, bo) if by_caller else reversed(self.meet(bo, ada))
        second, other = self.meet(ada, self.phone("1003", registered=True))
        return first, far, second, other

    def send_together(self, *requests):
        self.ada.send(b"".join(request.encode() for request in requests))

    def transfer(self, first, second):
        return first.build("REFER", [("Refer-To", refer_to(self.ada, "1003", own_name(second)))])

    def assert_transferred(self, first, far, second, other):
        first.wait_ended()
        second.wait_ended()
        self.assertTrue(far.hears(other.media.tone) and other.hears(far.media.tone))
        other.hangup()
        far.wait_ended()
        self.server.wait_nothing_left()

    def test_an_offer_behind_an_attended_transfer(self):
        for by_caller in (True, False):
            with self.subTest(by_caller=by_caller):
                first, far, second, other = self.consult(by_caller)
                self.send_together(self.transfer(first, second), first.build("UPDATE", SDP, first.offer()))
                self.assert_transferred(first, far, second, other)

    def test_the_same_transfer_twice(self):
        for by_caller in (True, False):
            with self.subTest(by_caller=by_caller):
                first, far, second, other = self.consult(by_caller)
                self.send_together(self.transfer(first, second), self.transfer(first, second))
                self.assert_transferred(first, far, second, other)

    def test_a_blind_transfer_behind_an_attended_one(self):
        for by_caller in (True, False):
            with self.subTest(by_caller=by_caller):
                first, far, second, other = self.consult(by_caller)
                blind = first.build("REFER", [("Refer-To", refer_to(self.ada, "99999"))])
                self.send_together(self.transfer(first, second), blind)
                self.assert_transferred(first, far, second, other)


class TestOffers(Crossing):
    def test_one_behind_two_of_ours_is_answered(self):
        """The other side is still to answer what the transfer's beginning showed it when the transferor resumes."""
        ada, bo = self.pair()
        cy = self.phone("1003", registered=True)
        call, other = self.meet(ada, bo)
        call.hold()
        seen = len([r for r in other.requests if r.method == "INVITE"])
        other.auto_reinvite = False
        call.request("REFER", [("Refer-To", refer_to(ada, "1003"))])
        other.wait_request("INVITE", seen=seen)
        cy.wait_call().reject(486)
        self.assertEqual(told(ada), [100, 486])
        resume = threading.Thread(target=call.resume)
        resume.start()
        call.wait_status(100)
        time.sleep(0.2)
        other.auto_reinvite = True
        other.answer_reinvite()
        resume.join()
        self.assertTrue(call.hears(550) and other.hears(440))
        call.hangup()
        other.wait_ended()


class TestWithoutEnd(Crossing):
    def test_transfers_of_one_call_come_to_an_end(self):
        ada, bo = self.pair()
        call, other = self.meet(ada, bo)
        statuses = []
        while 403 not in statuses and len(statuses) < 110:
            response = call.request("REFER", [("Refer-To", refer_to(ada, "99999"))])
            statuses.append(response.status)
            if response.status == 202:
                self.assertEqual(told(ada, "refer;id=%d" % response.cseq[0] if len(statuses) > 1 else "refer"), [100, 404])
        self.assertEqual(statuses, 100 * [202] + [403])
        self.assertTrue(call.hears(550) and other.hears(440))
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()

    def test_parties_are_replaced_no_more_than_that(self):
        ada, bo = self.pair()
        call, other = self.meet(ada, bo)
        for _ in range(100):
            last = ada.invite("1002", headers=[("Replaces", own_name(call))])
            last.wait_answered()
            call.wait_ended()
            call = last
        self.assertEqual(ada.invite("1002", headers=[("Replaces", own_name(call))]).wait_ended().status, 491)
        other.hangup()
        call.wait_ended()
        self.server.wait_nothing_left()


if __name__ == "__main__":
    unittest.main()
