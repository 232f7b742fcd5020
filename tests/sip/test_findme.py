"""Calls that look for somebody: ringing together and in turn, and the key that keeps foreign mailboxes out."""
import unittest

from harness import PEERS, PLAN
from mailbox import wait_speech
from services import Services
from test_path import FixedPhone

TRUNK_PORT = 5093
PLAN_TRUNK = PLAN + 'number "0." { application = "peer" argument = "sos" }\n'
PEERS_TRUNK = PEERS + 'peer "sos" { address = {"127.0.0.9"} uri = "sip:127.0.0.9:%d;transport=udp" }\n' % TRUNK_PORT


class TestSimring(Services):
    PLAN, PEERS = PLAN_TRUNK, PEERS_TRUNK

    def test_all_ring_and_the_first_answer_has_the_call(self):
        one, two, three, four = self.users("1001", "1002", "1003", "1004")
        self.service("1002", "simring", numbers=["1003", "1004"])
        call = one.invite("1002")
        legs = [phone.wait_call() for phone in (two, three, four)]
        for leg in legs:
            leg.ring()
        legs[1].answer()
        self.talk(call.wait_answered(), legs[1])
        for leg in (legs[0], legs[2]):
            cancel = leg.wait_ended()
            self.assertEqual(cancel.method, "CANCEL")
            self.assertIn("elsewhere", cancel.get("Reason"))  # RFC 3326: no missed call on that phone
        self.assertIsNone(legs[0].invitation.get("Diversion"))
        self.assertIn("1002@", legs[1].invitation.get("Diversion"))
        call.hangup()

    def test_mobile_behind_a_trunk_rings_too(self):
        one, two = self.users("1001", "1002")
        trunk = FixedPhone(self.server.address, TRUNK_PORT, "127.0.0.9")
        self.addCleanup(trunk.close)
        self.service("1002", "simring", numbers=["0170123"])
        call = one.invite("1002")
        mine, other = two.wait_call(), trunk.wait_call()
        self.assertIn("sip:0170123@127.0.0.9", other.invitation.start)
        other.answer()
        self.talk(call.wait_answered(), other)
        self.assertEqual(mine.wait_ended().method, "CANCEL")
        call.hangup()

    def test_best_failure_when_all_have_failed(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "simring", numbers=["1003", "9196", "1009"])  # an echo test, and one who is not there
        call = one.invite("1002")
        two.wait_call().reject(480)
        three.wait_call().reject(486)
        self.assertEqual(call.wait_ended().status, 486)

    def test_decline_ends_all(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "simring", numbers=["1003"])
        call = one.invite("1002")
        mine, other = two.wait_call(), three.wait_call()
        mine.reject(603)
        self.assertEqual(call.wait_ended().status, 603)
        self.assertEqual(other.wait_ended().method, "CANCEL")

    def test_redirect_of_another_phone_is_not_followed(self):
        one, two, three, four = self.users("1001", "1002", "1003", "1004")
        self.service("1002", "simring", numbers=["1003"])
        call = one.invite("1002")
        three.wait_call().reject(302, [("Contact", "<sip:1004@confab>")])
        two.wait_call().reject(486)
        self.assertEqual(call.wait_ended().status, 486)
        self.nothing_came(four)

    def test_caller_who_gives_up_ends_all(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "simring", numbers=["1003"], delay=60)
        call = one.invite("1002")
        mine = two.wait_call()
        mine.ring()
        call.wait_status(180)
        call.hangup()
        self.assertEqual(mine.wait_ended().method, "CANCEL")
        self.nothing_came(three)


class TestConfirm(Services):
    def rung(self, confirm=True):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "simring", numbers=["1003"], confirm=confirm)
        call = one.invite("1002")
        mine, other = two.wait_call(), three.wait_call()
        mine.ring()
        call.wait_status(180)
        return call, mine, other

    def test_who_presses_one_has_the_call(self):
        call, mine, other = self.rung()
        other.answer()
        wait_speech(other)
        self.assertFalse(call.answered)
        other.dial("1")
        self.talk(call.wait_answered(), other)
        self.assertEqual(mine.wait_ended().method, "CANCEL")
        call.hangup()
        other.wait_ended()

    def test_foreign_mailbox_never_takes_it(self):
        call, mine, other = self.rung()
        other.answer(tone=850)  # speaks at once, and presses nothing
        wait_speech(other)
        mine.answer()
        self.talk(call.wait_answered(), mine)
        self.assertEqual(other.wait_ended().method, "BYE")
        call.hangup()

    def test_refusal_and_hang_up_end_that_branch_alone(self):
        call, mine, other = self.rung()
        other.answer()
        wait_speech(other)
        other.media.send_digit("2")
        self.assertEqual(other.wait_ended().method, "BYE")
        self.assertFalse(mine.ended or call.ended)
        mine.reject(486)
        self.assertEqual(call.wait_ended().status, 486)

    def test_hang_up_at_the_question(self):
        call, mine, other = self.rung()
        other.answer()
        wait_speech(other)
        other.hangup()
        self.assertFalse(mine.ended or call.ended)
        mine.answer()
        self.talk(call.wait_answered(), mine)
        call.hangup()

    def test_time_that_runs_out_waits_for_the_answer(self):
        call, mine, other = self.rung()
        other.answer()
        wait_speech(other)
        self.assertEqual(mine.wait_ended(8).method, "CANCEL")
        self.assertFalse(call.ended)
        other.dial("1")
        self.talk(call.wait_answered(), other)
        call.hangup()

    def test_caller_who_hangs_up_ends_the_question(self):
        call, mine, other = self.rung()
        other.answer()
        wait_speech(other)
        call.hangup()
        self.assertEqual(other.wait_ended().method, "BYE")
        self.assertEqual(mine.wait_ended().method, "CANCEL")


class TestFindMe(Services):

    def test_steps_come_one_after_the_other(self):
        one, two, three, four = self.users("1001", "1002", "1003", "1004")
        self.service("1002", "find-me", own=2, steps=[{"number": "1003", "ring": 2}, {"number": "1004", "ring": 10}])
        call = one.invite("1002")
        mine = two.wait_call()
        mine.ring()
        self.nothing_came(three, four)
        self.assertEqual(mine.wait_ended().method, "CANCEL")
        second = three.wait_call()
        second.ring()
        self.nothing_came(four)
        self.assertEqual(second.wait_ended().method, "CANCEL")
        third = four.wait_call()
        third.answer()
        self.assertIn("cause=408", " ".join(third.invitation.all("History-Info")))
        self.talk(call.wait_answered(), third)
        call.hangup()

    def test_step_that_fails_brings_the_next_forward(self):
        one, two, three, four = self.users("1001", "1002", "1003", "1004")
        self.service("1002", "find-me", own=60, steps=[{"number": "1003", "ring": 60}, {"number": "1004", "ring": 60}])
        call = one.invite("1002")
        two.wait_call().reject(486)
        three.wait_call().reject(480)
        other = four.wait_call()
        other.answer()
        self.talk(call.wait_answered(), other)
        call.hangup()

    def test_all_steps_in_vain_are_one_failure(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "find-me", own=1, steps=[{"number": "1003", "ring": 1}])
        call = one.invite("1002")
        two.wait_call().ring()
        three.wait_call().ring()
        self.assertEqual(call.wait_ended().status, 408)


class TestFoundByMailbox(Services):
    MAILBOXES = True

    def test_mailbox_is_the_last_resort(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "find-me", own=1, steps=[{"number": "1003", "ring": 1}])
        call = one.invite("1002")
        two.wait_call().ring()
        three.wait_call().ring()
        wait_speech(call.wait_answered())
        call.hangup()


if __name__ == "__main__":
    unittest.main()
