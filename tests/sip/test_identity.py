"""What goes through a call untouched, and what does not."""
import unittest

from harness import Scenario

SIGNED = ("Identity", "eyJhbGciOiJFUzI1NiJ9.eyJvcmlnIjp7InRuIjoiMTIxIn19.c2lnbg;info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken")
DATE = ("Date", "Thu, 26 Nov 2026 12:00:00 GMT")


class TestPassed(Scenario):
    def setUp(self):
        super().setUp()
        self.ada, self.bo = self.phone("1001", registered=True), self.phone("1002", registered=True)

    def invited(self, caller, headers):
        call = caller.invite("1002", headers=headers)
        invitation = self.bo.wait_call().invitation
        call.cancel()
        call.wait_ended()
        return invitation

    def test_what_is_for_the_callee_alone(self):
        came = self.invited(self.ada, [SIGNED, DATE, ("Subject", "lunch; at  noon"), ("User-to-User", "56a390;encoding=hex"),
                                       ("X-Secret", "1"), ("Alert-Info", "<urn:alert:x>;info=alert-autoanswer")])
        self.assertEqual(came.all("Identity"), [SIGNED[1]])
        self.assertEqual(came.get("Date"), DATE[1])
        self.assertEqual(came.get("Subject"), "lunch; at  noon")
        self.assertEqual(came.get("User-to-User"), "56a390;encoding=hex")
        self.assertIsNone(came.get("X-Secret"))
        self.assertIsNone(came.get("Alert-Info"))  # a user makes no other one's phone answer by itself

    def test_of_a_peer(self):
        came = self.invited(self.pbx(), [SIGNED, ("Alert-Info", "<urn:alert:source:external>"), ("X-Secret", "1")])
        self.assertEqual(came.get("Alert-Info"), "<urn:alert:source:external>")
        self.assertEqual(came.get("Identity"), SIGNED[1])
        self.assertIsNone(came.get("X-Secret"))  # a phone is no peer


class TestReason(Scenario):
    """RFC 3326: why it ends is told to the other side."""

    def test_several_values_through_bye(self):
        ada, bo = self.phone("1001", registered=True), self.phone("1002", registered=True)
        values = ('Q.850;cause=16;text="Terminated"', 'SIP;cause=600;text="Busy Everywhere"')
        call = ada.invite("1002")
        other = bo.wait_call()
        other.answer()
        call.wait_answered()
        other.request("BYE", [("Reason", ", ".join(values))])
        bye = call.wait_ended()
        for value in values:
            self.assertIn(value, ", ".join(bye.all("Reason")))

    def test_with_a_refusal(self):
        ada, bo = self.phone("1001", registered=True), self.phone("1002", registered=True)
        for status, reason in ((484, 'Q.850;cause=28;text="Invalid number"'), (404, "Q.850;cause=1"), (606, None)):
            call = ada.invite("1002")
            bo.wait_call().reject(status, [("Reason", reason)] if reason else [])
            end = call.wait_ended()
            self.assertEqual((end.status, end.get("Reason")), (status, reason))


if __name__ == "__main__":
    unittest.main()
