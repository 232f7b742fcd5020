"""What goes through a call untouched, and what does not."""
import unittest

from harness import PEERS, PLAN, Scenario
from test_path import FixedPhone

TRUNK, STRANGER, TRUNK_PORT = "127.0.0.9", "127.0.0.8", 5094
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


class Trunks(Scenario):
    """With a trusted peer behind 0 and one behind 9 that is not."""

    PLAN = PLAN + 'number "0." { application = "peer" argument = "trunk" }\nnumber "9." { application = "peer" argument = "stranger" }\n'
    PEERS = PEERS + "".join(
        'peer "%s" { address = {"%s"} uri = "sip:%s:%d;transport=udp" trusted = %s }\n' % (name, address, address, TRUNK_PORT, trusted)
        for name, address, trusted in (("trunk", TRUNK, "true"), ("stranger", STRANGER, "false")))

    def setUp(self):
        super().setUp()
        self.bo, self.cy = self.phone("1002", registered=True), self.phone("1003", registered=True)
        self.trunk, self.stranger = (FixedPhone(self.server.address, TRUNK_PORT, local) for local in (TRUNK, STRANGER))
        self.addCleanup(self.trunk.close)
        self.addCleanup(self.stranger.close)

    def ended(self, call, other):
        call.cancel()
        call.wait_ended()
        other.wait_ended()
        return other.invitation

    def values(self, came, name):
        return ", ".join(came.all(name))


class TestHistory(Trunks):
    """RFC 7044 and RFC 5806 with several hops: what others wrote stays, and our own hops go with it."""

    HISTORY = ('"Nine, <9>" <sip:9001@pbx>;index=1;x="a, b", <sip:9002@pbx;cause=302>;index=1.1;mp=1, '
               '<sip:1002@confab;cause=486>;index=1.1.1;mp=1.1')
    DIVERSION = ("<sip:9002@pbx>;reason=user-busy;counter=1;limit=9", '"Nine" <sip:9001@pbx>;reason=unconditional')

    def test_hops_of_our_own(self):
        call = self.phone("1001", registered=True).invite("1002")
        self.bo.wait_call().reject(302, [("Contact", "<sip:1003@confab>")])
        self.cy.wait_call().reject(302, [("Contact", "<sip:0123@confab>")])
        came = self.ended(call, self.trunk.wait_call())
        self.assertEqual(self.values(came, "Diversion"), "<sip:1003@confab>;reason=unconditional;counter=1, "
                                                         "<sip:1002@confab>;reason=unconditional;counter=1")
        self.assertEqual(self.values(came, "History-Info"),
                         "<sip:1002@confab>;index=1, <sip:1003@confab;cause=302>;index=1.1;mp=1, "
                         "<sip:0123@confab;cause=302>;index=1.1.1;mp=1.1")

    def test_what_others_wrote_stays(self):
        call = self.pbx().invite("1002", headers=[("History-Info", self.HISTORY)] + [("Diversion", d) for d in self.DIVERSION])
        self.bo.wait_call().reject(302, [("Contact", "<sip:1003@confab>")])
        came = self.ended(call, self.cy.wait_call())
        self.assertEqual(self.values(came, "History-Info"), self.HISTORY + ", <sip:1003@confab;cause=302>;index=1.1.1.1;mp=1.1.1")
        self.assertEqual(self.values(came, "Diversion"),
                         "<sip:1002@confab>;reason=unconditional;counter=1;limit=9, " + ", ".join(self.DIVERSION))

    def test_through_us_to_a_trunk(self):
        call = self.pbx().invite("0123", headers=[("History-Info", self.HISTORY)])
        came = self.ended(call, self.trunk.wait_call())
        self.assertTrue(self.values(came, "History-Info").startswith(self.HISTORY + ", <sip:0123@confab>;index=1.1.1.1;"))
        # Whoever knows the older header alone is told of both hops.
        self.assertEqual(self.values(came, "Diversion"), "<sip:9002@pbx>;reason=user-busy;counter=1, "
                                                         "<sip:9001@pbx>;reason=unconditional;counter=1")

    def test_who_is_not_to_be_named(self):
        history = "<sip:9001@pbx?Privacy=history>;index=1, <sip:1002@confab;cause=486>;index=1.1;mp=1"
        headers = [("History-Info", history), ("Diversion", "<sip:9001@pbx>;reason=user-busy;privacy=full")]
        call = self.pbx().invite("1002", headers=headers)
        other = self.bo.wait_call()
        self.assertNotIn("9001", self.values(other.invitation, "History-Info"))
        self.assertIn("<sip:anonymous@anonymous.invalid>;index=1, ", self.values(other.invitation, "History-Info"))
        self.assertIsNone(other.invitation.get("Diversion"))
        other.reject(302, [("Contact", "<sip:0123@confab>")])
        came = self.ended(call, self.trunk.wait_call())  # a peer may know
        self.assertTrue(self.values(came, "History-Info").startswith(history))
        self.assertIn(headers[1][1], self.values(came, "Diversion"))

    def test_a_user_writes_no_history(self):
        ada = self.phone("1001", registered=True)
        call = ada.invite("0123", headers=[("History-Info", self.HISTORY), ("Diversion", self.DIVERSION[0])])
        came = self.ended(call, self.trunk.wait_call())
        self.assertIsNone(came.get("History-Info"))
        self.assertIsNone(came.get("Diversion"))

    def test_nonsense_does_not_go_on(self):
        pbx = self.pbx()
        for nonsense in ('"open <sip:9001@pbx>;index=1', "<sip:9001@pbx;index=1", "<sip:>;index=1",
                         ",".join("<sip:%d@pbx>;index=%d" % (n, n) for n in range(8500, 9500)),
                         "<sip:9%0d%0aVia%3a@pbx>;index=1, <sip:9002@confab;cause=302>;index=a;mp=1"):
            call = pbx.invite("1002", headers=[("History-Info", nonsense), ("Diversion", nonsense)])
            came = self.ended(call, self.bo.wait_call())
            self.assertNotIn("9001", self.values(came, "History-Info"))
            self.assertEqual(len(came.all("Via")), 1)


class TestPrivacy(Trunks):
    """RFC 3323 and RFC 3325: who may know who calls."""

    def sent(self, caller, number, callee, headers):
        return self.ended(caller.invite(number, headers=headers), callee.wait_call())

    def hidden(self, came, *names):
        self.assertEqual(came.get("From").split(";")[0], '"Anonymous" <sip:anonymous@anonymous.invalid>')
        self.assertIsNone(came.get("P-Asserted-Identity"))
        self.assertIsNone(came.get("Privacy"))  # it has been done
        for name in names:
            self.assertNotIn(name, str(came.all("From") + came.all("Contact") + came.all("Diversion") + came.all("History-Info")))

    def test_a_peers_caller_who_hides(self):
        headers = [("P-Asserted-Identity", '"Eve" <sip:4711@pbx>'), ("Privacy", "id; critical")]
        self.hidden(self.sent(self.pbx(), "1002", self.bo, headers), "4711", "Eve")
        self.hidden(self.sent(self.pbx(), "9123", self.stranger, headers), "4711", "Eve")
        came = self.sent(self.pbx(), "0123", self.trunk, headers)
        self.assertIn("anonymous.invalid", came.get("From"))
        self.assertEqual(came.get("P-Asserted-Identity"), '"Eve" <sip:4711@pbx>')
        self.assertEqual(came.get("Privacy"), "id;critical")

    def test_a_user_who_hides(self):
        ada = self.phone("1001", registered=True)
        self.hidden(self.sent(ada, "1002", self.bo, [("Privacy", "user;id")]), "1001")
        came = self.sent(ada, "0123", self.trunk, [("Privacy", "user")])
        self.assertEqual(came.get("P-Asserted-Identity"), '"Alice Archer" <sip:1001@confab>')
        self.assertEqual(came.get("Privacy"), "user")
        # Nobody is shown as somebody else.
        came = self.sent(ada, "0123", self.trunk, [("P-Preferred-Identity", '"Boss" <sip:1002@confab>'), ("Privacy", "none")])
        self.assertIn("<sip:1001@confab>", came.get("P-Asserted-Identity"))
        self.assertNotIn("Boss", came.get("P-Asserted-Identity"))
        self.assertEqual(came.get("Privacy"), "none")
        self.assertIn("1001", came.get("From"))

    def test_who_is_not_trusted_asserts_nothing(self):
        headers = [("P-Asserted-Identity", "<sip:1001@confab>"), ("Diversion", "<sip:1005@confab>;reason=away")]
        came = self.sent(self.stranger, "1002", self.bo, headers)
        self.assertIn("<sip:sos@", came.get("From"))
        self.assertIsNone(came.get("Diversion"))
        came = self.sent(self.pbx(), "9123", self.stranger, headers)
        self.assertIn("<sip:1001@confab>", came.get("From"))  # it is no secret
        self.assertIsNone(came.get("P-Asserted-Identity"))

    def test_two_identities_are_one_caller(self):
        came = self.sent(self.pbx(), "1002", self.bo, [("P-Asserted-Identity", '<tel:+49304711>, "Eve" <sip:4711@pbx>')])
        self.assertEqual(came.get("From").split(";")[0], '"Eve" <sip:4711@pbx>')
        came = self.sent(self.pbx(), "1002", self.bo, [("P-Asserted-Identity", "<tel:+49304711>")])
        self.assertIn("<sip:+49304711@confab>", came.get("From"))

    def test_nothing_of_the_way(self):
        headers = [("Privacy", "history"), ("History-Info", TestHistory.HISTORY), ("P-Asserted-Identity", "<sip:4711@pbx>")]
        came = self.sent(self.pbx(), "1002", self.bo, headers)
        self.assertIn("4711", came.get("From"))
        self.assertNotIn("900", self.values(came, "History-Info") + self.values(came, "Diversion"))
        came = self.sent(self.pbx(), "0123", self.trunk, headers)
        self.assertTrue(self.values(came, "History-Info").startswith(TestHistory.HISTORY))
        self.assertEqual(came.get("Privacy"), "history")


if __name__ == "__main__":
    unittest.main()
