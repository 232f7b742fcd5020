"""Who may call: lists, anonymous callers, and names that are said and heard before anybody answers."""
import time
import unittest

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


class TestScreenedMailbox(Services):
    MAILBOXES = True

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


if __name__ == "__main__":
    unittest.main()
