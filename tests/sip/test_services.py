"""Services of a user, each with a real call: screening, do not disturb, forwarding, barring, announcements."""
import time
import unittest

from harness import PLAN, until
from mailbox import wait_silence, wait_speech
from services import Services

ANONYMOUS = [("Privacy", "id")]


class TestScreening(Services):
    def test_blocked_caller_is_declined_and_others_are_not(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "block", numbers=["1003", "+44*"])
        self.assertEqual(three.invite("1002").wait_ended().status, 603)
        self.nothing_came(two)
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()

    def test_blocked_caller_hears_why_without_an_answer(self):
        _, three = self.users("1002", "1003")
        self.service("1002", "block", numbers=["100X"], announce=True)
        call = three.invite("1002")
        call.wait_status(183)
        wait_speech(call)
        self.assertEqual(call.wait_ended(15).status, 603)

    def test_only_the_allowed_may_call(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "allow", numbers=["1001"])
        self.assertEqual(three.invite("1002").wait_ended().status, 603)
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()

    def test_anonymous_caller_is_told_that_he_is_anonymous(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "reject-anonymous")
        self.assertEqual(one.invite("1002", headers=ANONYMOUS).wait_ended().status, 433)  # RFC 5079
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()

    def say_name(self, caller):
        """He is asked, and says a tone for a name."""
        call = caller.invite("1002").wait_answered()
        wait_speech(call)
        wait_silence(call)
        call.media.tone = 1300
        time.sleep(1.2)
        call.media.tone = None
        call.dial("#")
        return call

    def test_callee_hears_the_name_and_takes_the_call(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "screen")
        call = self.say_name(one)
        other = two.wait_call(10)
        other.ring()
        self.assertTrue(call.hears(440, 480, timeout=8))
        other.answer()
        self.assertTrue(any(other.hears(1300, timeout=0.8) for _ in range(8)), "the name was not played")
        other.dial("1")
        self.talk(call, other)
        call.hangup()
        other.wait_ended()

    def test_callee_refuses_by_key_and_the_caller_is_told(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "screen")
        call = self.say_name(one)
        other = two.wait_call(10)
        other.answer()
        wait_speech(other)
        other.media.send_digit("2")
        self.assertEqual(other.wait_ended().method, "BYE")
        wait_speech(call)
        self.assertEqual(call.wait_ended(15).method, "BYE")

    def test_caller_on_the_list_is_not_asked(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "screen", allow=["1001"])
        call = one.invite("1002")
        two.wait_call().answer()
        self.talk(call.wait_answered(), next(iter(two.calls.values())))
        call.hangup()


class TestForward(Services):
    def forwarded(self, caller, third, cause):
        """The third phone has the call of `caller` for 1002; who sent it on, and why, stands in it."""
        other = third.wait_call(12)
        diversion = other.invitation.get("Diversion")
        self.assertIn("1002@", diversion)
        self.assertIn("cause=%d" % cause, " ".join(other.invitation.all("History-Info")))
        other.answer()
        self.talk(caller.wait_answered(), other)
        caller.hangup()
        other.wait_ended()

    def test_always(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "forward-always", to="1003")
        self.forwarded(one.invite("1002"), three, 302)
        self.nothing_came(two)

    def test_busy(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "forward-busy", to="1003")
        call = one.invite("1002")
        two.wait_call().reject(486)
        self.forwarded(call, three, 486)

    def test_no_answer_after_seconds_of_his_own(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "forward-no-answer", to="1003", after=1)
        call = one.invite("1002")
        other = two.wait_call()
        other.ring()
        call.wait_status(180)
        self.forwarded(call, three, 408)
        self.assertEqual(other.wait_ended().method, "CANCEL")

    def test_unreachable_at_once(self):
        one, three = self.users("1001", "1003")
        self.service("1002", "forward-unreachable", to="1003")
        self.forwarded(one.invite("1002"), three, 503)

    def test_schedule(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "forward-schedule", rules=[{"when": "2001-01-01", "to": "1004"},
                                                        {"when": "sun-sat 00:00-24:00", "to": "1003"}])
        self.forwarded(one.invite("1002"), three, 302)
        self.nothing_came(two)

    def test_two_who_forward_to_each_other_end(self):
        one, = self.users("1001")
        self.service("1002", "forward-always", to="1003")
        self.service("1003", "forward-always", to="1002")
        self.assertEqual(one.invite("1002").wait_ended().status, 482)


class TestMailbox(Services):
    MAILBOXES = True

    def test_do_not_disturb_leads_to_the_mailbox_and_spares_the_phone(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "dnd", allow=["1003"])
        call = one.invite("1002").wait_answered()
        wait_speech(call)
        call.hangup()
        self.nothing_came(two)
        call = three.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()

    def test_forwarding_comes_before_the_mailbox_and_ends_in_it(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.service("1002", "forward-no-answer", to="1003", after=1)
        call = one.invite("1002")
        two.wait_call().ring()
        three.wait_call().reject(486)
        wait_speech(call.wait_answered())
        call.hangup()
        self.server.wait_log(r"answered$", 5, self.mark)

    def test_blocked_caller_gets_no_mailbox(self):
        one, = self.users("1001")
        self.service("1002", "block", numbers=["1001"])
        self.assertEqual(one.invite("1002").wait_ended().status, 603)

    def test_refused_caller_may_leave_a_message(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "screen")
        call = one.invite("1002").wait_answered()
        wait_speech(call)
        wait_silence(call)
        call.dial("#")
        other = two.wait_call(10)
        other.answer()
        wait_speech(other)
        other.media.send_digit("2")
        other.wait_ended()
        self.server.wait_log(r" voicemail .*answered", 10, self.mark)
        wait_speech(call)
        call.hangup()


class TestOutgoing(Services):
    def test_barred_numbers_are_403_and_others_are_not(self):
        one, two = self.users("1001", "1002")
        self.service("1001", "outgoing", block=["100X", "00."], allow=["1002"])
        self.assertEqual(one.invite("1003").wait_ended().status, 403)
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()
        self.server.psql("delete from service")
        self.service("1001", "outgoing", allow=["1003"])
        self.assertEqual(one.invite("1002").wait_ended().status, 403)

    def test_barred_number_is_barred_for_forwarding_too(self):
        one, _ = self.users("1001", "1002")
        self.service("1002", "outgoing", block=["1003"])
        self.service("1002", "forward-always", to="1003")
        self.assertEqual(one.invite("1002").wait_ended().status, 403)


class TestAnnouncement(Services):
    PLAN = PLAN + 'number "8001" { application = "announcement" argument = "tt-monkeys" }\n'

    def test_caller_hears_it_before_the_phone_rings(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "announcement", prompt="hello-world")
        call = one.invite("1002")
        call.wait_status(183)
        wait_speech(call)
        self.nothing_came(two)
        other = two.wait_call(10)
        other.ring()
        call.wait_status(180)
        other.answer()
        self.talk(call.wait_answered(), other)
        call.hangup()

    def test_caller_who_hangs_up_meanwhile_never_rings(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "announcement", prompt="tt-monkeys")
        call = one.invite("1002")
        call.wait_status(183)
        call.hangup()
        self.assertEqual(call.end.status, 487)
        until(lambda: " end status=" in self.server.log_since(self.mark), 5, "the call's end")
        self.nothing_came(two)

    def test_who_makes_no_offer_is_led_on(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "announcement", prompt="hello-world")
        call = one.invite("1002", sdp=False)
        two.wait_call().answer()
        call.wait_answered().hangup()

    def test_row_of_the_plan_names_what_its_number_plays(self):
        call = self.users("1001")[0].invite("8001").wait_answered()
        wait_speech(call)
        call.hangup()


if __name__ == "__main__":
    unittest.main()
