"""Automatic redial on busy (RFC 5359 section 2.18)."""
import unittest

from harness import Scenario


class TestRedial(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")

    def setUp(self):
        super().setUp()
        self.ada, self.bo, self.cy = (self.phone(n, registered=True) for n in ("1001", "1006", "1007"))

    def busy(self):
        """Bo talks to Cy, and Ada has found him busy."""
        talk = self.cy.invite("1006")
        self.bo.wait_call().answer()
        talk.wait_answered()
        call = self.ada.invite("1006")
        self.bo.wait_call().reject(486)
        self.assertEqual(call.wait_ended().status, 486)
        return talk

    def dial(self, code):
        call = self.ada.invite(code)
        call.wait_answered()
        self.assertEqual(call.wait_ended().method, "BYE")

    def test_the_call_comes_about_once_both_are_free(self):
        talk = self.busy()
        self.dial("*66")
        with self.assertRaises(AssertionError):
            self.ada.wait_call(2.5)
        talk.hangup()
        back = self.ada.wait_call()
        self.assertEqual(back.caller, "1006")  # whom it will be
        back.ring()
        back.answer(tone=440)
        other = self.bo.wait_call()
        self.assertEqual(other.caller, "1001")
        other.ring()
        other.answer(tone=550)
        self.assertTrue(back.hears(550))
        self.assertTrue(other.hears(440))
        other.hangup()
        self.assertEqual(back.wait_ended().method, "BYE")

    def test_busy_again_is_waited_for_again(self):
        talk = self.busy()
        self.dial("*66")
        talk.hangup()
        back = self.ada.wait_call()
        back.answer()
        self.bo.wait_call().reject(486)  # though no call stands here: only the end of one is a reason to try again
        back.wait_ended()
        with self.assertRaises(AssertionError):
            self.ada.wait_call(2.5)
        talk = self.cy.invite("1006")
        other = self.bo.wait_call()
        other.answer()
        talk.wait_answered()
        with self.assertRaises(AssertionError):
            self.ada.wait_call(1.5)
        other.hangup()
        back = self.ada.wait_call()
        back.reject(603)  # he has lost interest
        with self.assertRaises(AssertionError):
            self.ada.wait_call(2.5)

    def test_it_can_be_cancelled(self):
        talk = self.busy()
        self.dial("*66")
        self.dial("*86")
        talk.hangup()
        with self.assertRaises(AssertionError):
            self.ada.wait_call(2.5)

    def test_nobody_was_busy(self):
        call = self.phone("1008", registered=True).invite("*66")
        self.assertEqual(call.wait_ended().status, 404)


if __name__ == "__main__":
    unittest.main()
