"""Several answers to one INVITE of ours: forks below the next hop, each in a dialog of its own (RFC 3261 sections 12.1.2, 13.2.2.4)."""
import unittest

from harness import Scenario, until
from media import Media
from message import Sdp, sdp_write


class Fork:
    """Another phone behind the contact that the callee has registered."""

    def __init__(self, scenario, call, tag, tone):
        self.call, self.tag = call, tag
        self.media = Media(call.phone.local)
        scenario.addCleanup(self.media.close)
        self.media.tone = tone
        self.media.use(Sdp(call.invitation.body), call.codecs)
        self.sdp = sdp_write(call.phone.local, self.media.port, ["PCMU"], 1, "sendrecv")

    def say(self, status, sdp=True, **more):
        self.call.say(status, self.sdp if sdp else "", self.tag, **more)

    def requests(self, method):
        return [r for r in self.call.requests if r.method == method and r.param("To", "tag") == self.tag]

    def wait(self, method, count=1):
        return until(lambda: len(self.requests(method)) >= count and self.requests(method), 5, "%s to %s" % (method, self.tag))


class TestForks(Scenario):
    def ringing(self):
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        call, other = caller.invite("1002", tone=440), callee.wait_call()
        return call, [Fork(self, other, "fork" + name, tone) for name, tone in (("a", 550), ("b", 700), ("c", 850))]

    def end(self, call, winner):
        call.hangup()
        winner.wait("BYE")
        self.server.wait_nothing_left()

    def check_up(self, call, winner, tone):
        call.wait_answered()
        winner.wait("ACK")
        self.assertTrue(call.hears(tone))
        self.end(call, winner)

    def test_the_latest_with_sound_is_heard_and_the_first_answers(self):
        call, (a, b, _) = self.ringing()
        a.say(183)
        self.assertTrue(call.hears(550))
        b.say(183)
        self.assertTrue(call.hears(700))
        a.say(200)
        self.check_up(call, a, 550)

    def test_the_second_answers(self):
        call, (a, b, _) = self.ringing()
        a.say(183)
        b.say(183)
        b.say(200)
        self.check_up(call, b, 700)

    def test_a_third_answers_that_has_said_nothing_before(self):
        call, (a, b, c) = self.ringing()
        a.say(183)
        b.say(183)
        call.wait_status(183)
        c.say(200)
        self.check_up(call, c, 850)

    def test_each_has_its_own_pracks_and_the_answer_may_be_in_an_earlier_one(self):
        call, (a, b, _) = self.ringing()
        a.say(183, rseq=5)
        b.say(183, rseq=5)
        for fork in (a, b):
            self.assertRegex(fork.wait("PRACK")[0].get("RAck"), r"^5 \d+ INVITE$")
        b.say(180, sdp=False, rseq=6)
        self.assertRegex(b.wait("PRACK", 2)[1].get("RAck"), r"^6 ")
        a.say(200, sdp=False)  # RFC 3262 section 5: the 183 held the answer
        call.wait_answered()
        ack = a.wait("ACK")[0]
        self.assertGreater(a.requests("PRACK")[0].cseq[0], ack.cseq[0])
        self.assertTrue(call.hears(550))
        call.hangup()
        self.assertGreater(a.wait("BYE")[0].cseq[0], a.requests("PRACK")[0].cseq[0])
        self.server.wait_nothing_left()

    def test_a_second_200_gets_ack_and_bye(self):
        call, (a, b, _) = self.ringing()
        a.say(200)
        call.wait_answered()
        a.wait("ACK")
        b.say(200)
        b.wait("ACK")
        b.wait("BYE")
        self.assertFalse(call.ended)
        self.assertTrue(call.hears(550))
        self.end(call, a)

    def test_more_forks_than_anybody_has_are_borne(self):
        call, (a, b, _) = self.ringing()
        for number in range(40):
            a.call.say(183, a.sdp, "many%d" % number, rseq=1)
        call.wait_status(183)
        b.say(200)
        self.check_up(call, b, 700)

    def test_a_cancel_leaves_nothing_of_any(self):
        call, (a, b, _) = self.ringing()
        a.say(183)
        b.say(183)
        self.assertTrue(call.hears(700))
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.server.wait_nothing_left()


if __name__ == "__main__":
    unittest.main()
