"""Requests that cross (RFC 5407), and dialogs that end in odd ways: nothing is left of any."""
import threading
import unittest

from harness import SLOW, Scenario


class Dialogs(Scenario):
    def ringing(self):
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        return caller.invite("1002", tone=440), callee.wait_call()

    def up(self):
        call, other = self.ringing()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

    def beside(self, what):
        thread = threading.Thread(target=what, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 15 * SLOW)
        return thread


class TestCancel(Dialogs):
    def test_before_any_response_of_the_callee(self):
        """RFC 3261 section 9.1: our CANCEL waits for one."""
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        callee.respond, held = lambda *_, **__: None, callee.respond
        call = caller.invite("1002")
        other = callee.wait_call()
        call.wait_status(100)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        callee.respond = held
        self.assertFalse([r for r in other.requests if r.method == "CANCEL"])
        other.ring()
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_after_ringing(self):
        call, other = self.ringing()
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_crossing_the_answer(self):
        """RFC 5407 section 3.1.2: the call that nobody wants any more gets ACK and BYE."""
        call, other = self.ringing()
        other.ring()
        call.wait_status(180)
        other.answered = True  # … and his 200 is on its way
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        other.wait_request("CANCEL")
        other.say(200, other._accept_offer(None))
        other.wait_request("ACK")
        other.wait_request("BYE")
        self.server.wait_nothing_left()


class TestCrossing(Dialogs):
    def test_bye_and_bye(self):
        """RFC 5407 section 3.2.3."""
        call, other = self.up()
        both = [self.beside(call.hangup), self.beside(other.hangup)]
        for thread in both:
            thread.join(10)
        self.server.wait_nothing_left()

    def test_bye_and_a_change(self):
        """RFC 5407 section 3.2.2: what is open in the dialog ends with it."""
        call, other = self.up()
        other.auto_reinvite = False
        change = self.beside(lambda: self.assertGreaterEqual(call.reinvite("sendonly").status, 400))
        other.wait_request("INVITE")
        other.hangup()
        change.join(10)
        call.wait_request("BYE")
        self.server.wait_nothing_left()

    def test_change_and_change(self):
        """RFC 3261 section 14: one of both may be told 491; then it is tried again, and the call goes on."""
        call, other = self.up()
        statuses = []
        both = [self.beside(lambda c=c: statuses.append(c.reinvite("sendonly").status)) for c in (call, other)]
        for thread in both:
            thread.join(10)
        self.assertEqual(len(statuses), 2)
        self.assertLessEqual(set(statuses), {200, 491, 500})
        for side in (call, other):
            side.resume()
        self.assertTrue(call.hears(550) and other.hears(440))
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()

    def test_a_491_to_our_change_is_tried_again(self):
        """RFC 3261 section 14.1: the server owns the Call-ID there, and waits from 2.1 to 4 s."""
        call, other = self.up()
        other.auto_reinvite = False

        def answer():
            other.wait_request("INVITE")
            other.answer_reinvite(491)
            other.wait_request("INVITE", seen=1)
            other.answer_reinvite(200)
        self.beside(answer)
        self.assertEqual(call.reinvite("sendonly").status, 200)
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()

    def test_a_change_before_the_ack_of_the_last_one_gets_500(self):
        """RFC 3261 section 14.2, RFC 5407 section 3.1.5."""
        call, other = self.up()
        call._ack = lambda *_: None
        self.assertEqual(call.reinvite("sendrecv").status, 200)
        first = call.responses[-1]
        again = call.reinvite("sendrecv")
        self.assertEqual(again.status, 500)
        self.assertTrue(again.get("Retry-After"))
        del call._ack
        call._ack(first, True)
        call.resume()
        self.assertTrue(call.hears(550))
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()


class TestLost(Dialogs):
    def test_a_dialog_that_the_far_side_does_not_know_ends_the_call(self):
        """RFC 5057 section 5.1."""
        for status in (481, 408):
            call, other = self.up()
            other.auto_reinvite = False
            self.beside(lambda c=call: c.reinvite("sendonly"))
            other.wait_request("INVITE")
            other.answer_reinvite(status)
            call.wait_request("BYE")
            self.server.wait_nothing_left()

    def test_an_old_cseq_gets_500(self):
        """RFC 3261 section 12.2.2."""
        call, other = self.up()
        self.assertEqual(call.request("INFO").status, 200)
        call.cseq -= 2
        self.assertEqual(call.request("INFO").status, 500)
        call.cseq += 2
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()


if __name__ == "__main__":
    unittest.main()
