"""Requests that cross (RFC 5407) or are lost, and dialogs that end in odd ways: nothing is left of any."""
import concurrent.futures
import unittest

from harness import SLOW, Scenario, until

SDP = [("Content-Type", "application/sdp")]


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
        """Begins it and goes on: its outcome is got by result()."""
        threads = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(threads.shutdown)
        future = threads.submit(what)
        wait, future.result = future.result, lambda: wait(15 * SLOW)
        return future

    def deaf_to_answers(self, call):
        """Its ACKs are lost from now on; gives the list of those that were to be sent."""
        lost = []
        call._ack = lambda *answer: lost.append(answer)
        return lost

    def end(self, call, other):
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()


class TestBeforeTheAck(Dialogs):
    def test_cancel_before_any_response_of_the_callee(self):
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

    def test_cancel_after_ringing(self):
        call, other = self.ringing()
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_cancel_crossing_the_answer(self):
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

    def test_cancel_behind_our_answer(self):
        """RFC 3261 section 9.2: it changes nothing any more, and the call is there to be acknowledged."""
        call, other = self.ringing()
        lost = self.deaf_to_answers(call)
        other.answer(tone=550)
        call.wait_answered()
        call.cancel()
        before = len(lost)
        until(lambda: len(lost) > before, what="another 200")
        del call._ack
        self.assertTrue(call.hears(550) and other.hears(440))
        self.assertFalse([r for r in call.requests + other.requests if r.method in ("BYE", "CANCEL")])
        self.end(call, other)

    def test_bye_of_the_caller_while_it_rings(self):
        """RFC 3261 section 15: it ends that dialog, and with it his INVITE."""
        call, other = self.ringing()
        other.ring()
        call.wait_status(180)
        self.assertEqual(call.request("BYE").status, 200)
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_bye_of_the_callee_while_it_rings(self):
        """He must not, and it is not the end: his INVITE is still to be answered."""
        call, other = self.ringing()
        other.ring()
        call.wait_status(180)
        self.assertEqual(other.request("BYE").status, 200)
        other.answer()
        call.wait_answered()
        self.end(call, other)


class TestCrossing(Dialogs):
    def test_bye_and_bye(self):
        """RFC 5407 section 3.2.3: who hangs up while our BYE is on its way gets his 200."""
        call, other = self.up()
        bo = other.phone
        bo.respond, held = lambda *_, **__: None, bo.respond
        call.hangup()
        other.wait_request("BYE")
        self.assertEqual(other.request("BYE").status, 200)
        bo.respond = held
        self.server.wait_nothing_left()

    def test_bye_and_a_change(self):
        """RFC 5407 section 3.2.2: what is open in the dialog ends with it."""
        call, other = self.up()
        other.auto_reinvite = False
        change = self.beside(lambda: call.reinvite("sendonly"))
        other.wait_request("INVITE")
        other.hangup()
        self.assertGreaterEqual(change.result().status, 400)
        call.wait_request("BYE")
        self.server.wait_nothing_left()

    def test_bye_behind_ones_own_change(self):
        """RFC 3261 section 15.1.2: the change is still answered."""
        call, other = self.up()
        other.auto_reinvite = False
        change = self.beside(lambda: call.reinvite("sendonly"))
        other.wait_request("INVITE")
        call.hangup()
        self.assertEqual(change.result().status, 487)
        other.wait_request("BYE")
        self.server.wait_nothing_left()

    def test_change_and_change(self):
        """RFC 3261 section 14: one of both may be told 491; then it is tried again, and the call goes on."""
        call, other = self.up()
        both = [self.beside(lambda c=c: c.reinvite("sendonly")) for c in (call, other)]
        self.assertLessEqual({change.result().status for change in both}, {200, 491, 500})
        for side in (call, other):
            side.resume()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_who_meets_our_change_is_told_491_and_may_say_it_too(self):
        """RFC 3261 section 14.1: we try again, after 2.1 to 4 s where the Call-ID is ours, after 0 to 2 s where it is his."""
        call, other = self.up()
        for asker, asked in ((call, other), (other, call)):
            seen = len([r for r in asked.requests if r.method == "INVITE"])
            asked.auto_reinvite = False
            change = self.beside(lambda a=asker: a.reinvite("sendonly"))
            asked.wait_request("INVITE", seen=seen)
            self.assertEqual(asked.reinvite("sendonly").status, 491)
            self.assertEqual(asked.request("UPDATE", SDP, asked.offer("sendonly")).status, 491)
            behind = asker.request("UPDATE", SDP, asker.offer("sendrecv"))  # RFC 3311 section 5.2
            self.assertEqual((behind.status, bool(behind.get("Retry-After"))), (500, True))
            asked.answer_reinvite(491)
            asked.wait_request("INVITE", seen=seen + 1)
            asked.answer_reinvite(200)
            self.assertEqual(change.result().status, 200)
            asked.auto_reinvite = True
            asker.resume()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_a_change_before_the_ack_of_the_last_one_gets_500(self):
        """RFC 3261 section 14.2, RFC 5407 section 3.1.5."""
        call, other = self.up()
        self.deaf_to_answers(call)
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
    def test_an_answer_is_said_until_the_ack_and_the_ack_with_each_answer(self):
        """RFC 3261 sections 13.3.1.4 and 13.2.2.4."""
        call, other = self.ringing()
        lost = self.deaf_to_answers(call)
        other.answer(tone=550)
        until(lambda: len(lost) >= 3, what="the third 200")
        del call._ack
        self.assertTrue(call.hears(550) and other.hears(440))
        count = len([r for r in other.requests if r.method == "ACK"])
        other.answer()
        other.wait_request("ACK", seen=count)
        self.end(call, other)

    def test_no_bye_of_ours_before_the_ack(self):
        """RFC 3261 section 15: the callee who hangs up early is rid of the call, the caller hears of it once he can."""
        call, other = self.ringing()
        lost = self.deaf_to_answers(call)
        other.answer()
        call.wait_answered()
        other.hangup()
        before = len(lost)
        until(lambda: len(lost) > before, what="another 200")
        self.assertFalse(call.requests)
        del call._ack
        self.assertEqual(call.wait_ended().method, "BYE")
        self.server.wait_nothing_left()

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
