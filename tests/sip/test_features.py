"""Feature codes: what a user dials changes his services at once, and he hears it."""
import unittest

from harness import until
from mailbox import wait_speech
from services import Services


class TestFeatures(Services):
    def code(self, phone, number, done):
        """Dials it, and listens until it is done."""
        call = phone.invite(number).wait_answered()
        until(done, 10, "what %s does" % number)
        wait_speech(call)
        call.hangup()

    def listen_to(self, phone, number, keys=""):
        """Dials it and listens to the end."""
        call = phone.invite(number).wait_answered()
        wait_speech(call)
        if keys:
            call.dial(keys)
            wait_speech(call)
        self.assertEqual(call.wait_ended(20).method, "BYE")

    def test_forwarding_is_set_and_taken_back(self):
        one, two, three = self.users("1001", "1002", "1003")
        self.listen_to(two, "*721003")
        self.assertEqual(self.parameters("1002", "forward-always"), {"to": "1003"})
        call = one.invite("1002")
        three.wait_call().answer()
        call.wait_answered().hangup()
        self.nothing_came(two)
        self.code(two, "*73", lambda: self.parameters("1002", "forward-always") is None)
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()

    def test_code_alone_asks_for_the_number(self):
        two, = self.users("1002")
        call = two.invite("*72").wait_answered()
        wait_speech(call)
        call.dial("1003#")
        until(lambda: self.parameters("1002", "forward-always") == {"to": "1003"}, 5, "the forwarding")
        call.hangup()

    def test_busy_and_no_answer_and_do_not_disturb(self):
        two, = self.users("1002")
        for on, off, name, parameters in (("*901003", "*91", "forward-busy", {"to": "1003"}),
                                          ("*921003", "*93", "forward-no-answer", {"to": "1003"}), ("*78", "*79", "dnd", {})):
            with self.subTest(name):
                self.code(two, on, lambda: self.parameters("1002", name) == parameters)
                self.code(two, off, lambda: self.parameters("1002", name) is None)

    def test_own_number_is_no_target(self):
        two, = self.users("1002")
        self.listen_to(two, "*721002")
        self.assertIsNone(self.parameters("1002", "forward-always"))

    def test_stranger_has_no_services(self):
        self.assertEqual(self.pbx().invite("*78").wait_ended().status, 403)

    def test_last_caller_is_called_back(self):
        one, two = self.users("1001", "1002")
        call = one.invite("1002")
        two.wait_call().ring()
        call.wait_status(180)
        call.hangup()
        back = two.invite("*69").wait_answered()
        wait_speech(back)
        back.dial("1")
        other = one.wait_call()
        self.assertEqual(other.caller, "1002")
        self.assertIsNone(other.invitation.get("Diversion"))
        other.answer()
        self.talk(back, other)
        back.hangup()

    def test_anonymous_caller_is_not_called_back(self):
        one, two = self.users("1001", "1002")
        call = one.invite("1002", headers=[("Privacy", "id")])
        two.wait_call().ring()
        call.wait_status(180)
        call.hangup()
        self.listen_to(two, "*69")
        self.nothing_came(one)


if __name__ == "__main__":
    unittest.main()
