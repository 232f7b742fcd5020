"""Session-ID (RFC 7989): the same pair of identifiers on both legs of a call, through whatever it meets."""
import re
import unittest

from harness import Scenario

NIL = "0" * 32
ADA, BO, CY = "a" * 32, "b" * 32, "c" * 32


def pair(message):
    """(the sender's, the receiver's)."""
    values = message.all("Session-ID")
    assert len(values) == 1, message
    found = re.fullmatch(r"([0-9a-f]{32});remote=([0-9a-f]{32})", values[0])
    assert found, values
    return found.groups()


def own(me, other=NIL):
    return ("Session-ID", "%s;remote=%s" % (me, other))


class TestSessionId(Scenario):
    def setUp(self):
        super().setUp()
        self.ada, self.bo = self.phone("1001", registered=True), self.phone("1002", registered=True)

    def test_both_ends_hear_the_other_ones(self):
        call = self.ada.invite("1002", headers=[own(ADA)])
        other = self.bo.wait_call()
        self.assertEqual(pair(other.invitation), (ADA, NIL))
        other.answer(headers=[own(BO, ADA)])
        call.wait_answered()
        self.assertEqual(pair(call.responses[-1]), (BO, ADA))
        self.assertEqual(pair(other.wait_request("ACK")), (ADA, BO))
        self.assertEqual(pair(call.request("OPTIONS", [own(ADA, BO)])), (BO, ADA))
        call.hold()
        self.assertEqual(pair(call.responses[-1]), (BO, ADA))
        self.assertEqual(pair(other.wait_request("INVITE")), (ADA, BO))
        call.hangup()
        self.assertEqual(pair(other.wait_ended()), (ADA, BO))
        self.server.wait_log("session=" + ADA)

    def test_who_brings_none_is_given_one(self):
        call = self.ada.invite("1002")
        other = self.bo.wait_call()
        mine, nobody = pair(other.invitation)
        self.assertNotEqual(mine, NIL)
        self.assertEqual(nobody, NIL)
        other.ring()
        his, seen = pair(call.wait_status(180))
        self.assertEqual(seen, mine)
        self.assertNotIn(his, (NIL, mine))
        other.answer()
        call.wait_answered()
        self.assertEqual(pair(call.responses[-1]), (his, mine))
        other.hangup()
        self.assertEqual(pair(call.wait_ended()), (his, mine))

    def test_failures_have_it(self):
        self.server.psql("update subscriber set mailbox = null where number = '1006'")
        cleo = self.phone("1006", registered=True)
        call = self.ada.invite("1006", headers=[own(ADA)])
        cleo.wait_call().reject(603, headers=[own(BO, ADA)])
        self.assertEqual(pair(call.wait_ended()), (BO, ADA))
        nowhere = self.ada.invite("8888", headers=[own(ADA)])
        self.assertEqual(pair(nowhere.wait_ended())[1], ADA)
        self.assertEqual(pair(nowhere.responses[0]), (NIL, ADA))  # 407

    def test_a_cancelled_call(self):
        call = self.ada.invite("1002", headers=[own(ADA)])
        other = self.bo.wait_call()
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(pair(other.wait_request("CANCEL"))[0], ADA)
        call.wait_ended()

    def test_an_application_has_one_of_its_own(self):
        call = self.ada.invite("9196", headers=[own(ADA)]).wait_answered()
        his, seen = pair(call.responses[-1])
        self.assertEqual(seen, ADA)
        self.assertNotIn(his, (NIL, ADA))
        call.hangup()

    def test_through_a_transfer(self):
        cy = self.phone("1003", registered=True)
        call = self.ada.invite("1002", headers=[own(ADA)])
        other = self.bo.wait_call()
        other.answer(headers=[own(BO, ADA)])
        call.wait_answered()
        response = other.request("REFER", [("Refer-To", "<sip:1003@confab>"), own(BO, ADA)])
        self.assertEqual(response.status, 202)
        third = cy.wait_call()
        self.assertEqual(pair(third.invitation), (ADA, NIL))
        third.answer(headers=[own(CY, ADA)])
        self.assertEqual(pair(third.wait_request("ACK")), (ADA, CY))
        third.hangup()
        self.assertEqual(pair(call.wait_ended()), (CY, ADA))

    def test_nonsense_is_no_identifier(self):
        call = self.ada.invite("1002", headers=[("Session-ID", "zz" * 16)])
        self.assertNotIn("z", pair(self.bo.wait_call().invitation)[0])
        call.cancel()
        call.wait_ended()


if __name__ == "__main__":
    unittest.main()
