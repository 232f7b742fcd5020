"""REFERs that are passed on to the other side, and what it tells of them (sip { refer = "pass" })."""
import unittest
import urllib.parse

from referring import own_name, refer, tag_of, told
from test_transfer import TransferCase


class TestPassed(TransferCase):
    SETTINGS = 'sip { ring = 3 refer = "pass" }'
    PEERS = 'peer "pbx" { address = {"127.0.0.2"} uri = "sip:127.0.0.2:5070" }'

    def tell(self, call, status, over=False):
        state = "terminated;reason=noresource" if over else "active;expires=60"
        response = call.request("NOTIFY", [("Event", "refer"), ("Subscription-State", state),
                                           ("Content-Type", "message/sipfrag")], "SIP/2.0 %d Said so\r\n" % status)
        return response.status

    def test_the_other_phone_dials(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        passed = call.wait_request("REFER")
        self.assertIn("sip:1003@%s" % self.server.address, passed.get("Refer-To"))
        self.assertIn("1002", passed.get("Referred-By"))
        own = self.ada.invite("1003", tone=440)
        third = self.cy.wait_call()
        third.ring()
        self.assertEqual(self.tell(call, 180), 200)
        third.answer(tone=660)
        own.wait_answered()
        self.assertEqual(self.tell(call, 200, True), 200)
        self.assertEqual(told(self.bo), [100, 180, 200])
        self.assertEqual(self.tell(call, 200, True), 481)  # it is over
        other.hangup()
        call.wait_ended()
        self.assert_talk(own, 440, third, 660)
        own.hangup()
        third.wait_ended()

    def test_in_vain_and_again(self):
        call, other = self.meet(self.ada, self.bo)
        for event in ("refer", None):
            response = refer(other, "1003")
            call.wait_request("REFER", seen=0 if event else 1)
            self.assertEqual(self.tell(call, 486, True), 200)
            self.assertEqual(told(self.bo, event or "refer;id=%d" % response.cseq[0]), [100, 486])
        self.assert_talk(call, 440, other, 550)
        self.assertEqual(self.tell(call, 200), 481)
        call.hangup()
        other.wait_ended()

    def test_the_other_side_goes_before_it_tells(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        call.wait_request("REFER")
        call.hangup()
        self.assertEqual(told(self.bo), [100, 487])
        other.wait_ended()

    def test_a_phone_that_does_not_know_refer(self):
        call, other = self.meet(self.ada, self.bo)
        refer(call, "1003")  # Bo's phone has said what it allows
        third = self.cy.wait_call()
        third.answer(tone=660)
        self.assertEqual(told(self.ada), [100, 200])
        self.assertTrue(other.hears(660))
        other.hangup()

    def test_two_calls_of_one_peer_are_joined_by_it(self):
        pbx = self.pbx()
        first, own = self.meet(pbx, self.bo)
        own.hold()
        second, other = self.meet(pbx, self.bo, 660)
        refer(own, "555", own_name(other))
        passed = first.wait_request("REFER")
        to, _, replaces = passed.get("Refer-To").strip("<>").partition("?Replaces=")
        self.assertEqual(to, "sip:555@127.0.0.2:5070")
        call_id, local, remote = urllib.parse.unquote(replaces).split(";")
        self.assertEqual(call_id, second.call_id)  # not Bo's dialog, but the peer's own
        self.assertEqual(local, "to-tag=" + second.local_tag)
        self.assertEqual(remote, "from-tag=" + tag_of(second.to_value))
        self.tell(first, 200, True)
        self.assertEqual(told(self.bo), [100, 200])
        for call in (first, second):
            call.hangup()
        own.wait_ended()
        other.wait_ended()

    def test_two_phones_calls_are_joined_here(self):
        rest, first = self.meet(self.ada, self.bo)
        second, third = self.meet(self.bo, self.cy, 550, 660)
        refer(first, "1003", own_name(second))
        self.assertEqual(told(self.bo), [100, 200])
        self.assert_talk(rest, 440, third, 660)
        rest.hangup()
        third.wait_ended()


if __name__ == "__main__":
    unittest.main()
