"""Services of a user, each with a real call: do not disturb, forwarding, barring, announcements."""
import unittest

from harness import PLAN, until
from mailbox import wait_speech
from services import Services


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
