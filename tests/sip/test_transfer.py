"""Transfers: RFC 5589 and RFC 5359 sections 2.4 to 2.6, by REFER (RFC 3515, 3892, 4488)."""
import unittest

from referring import PartiesCase, notify_status, own_name, refer, refer_to, referrer, told


class TransferCase(PartiesCase):
    SETTINGS = "sip { ring = 3 }"

    def assert_talk(self, one, one_tone, other, other_tone):
        self.assertTrue(one.hears(other_tone))
        self.assertTrue(other.hears(one_tone))


class TestBlind(TransferCase):
    def test_by_the_callee(self):
        call, other = self.meet(self.ada, self.bo)
        other.hold()
        refer(other, "1003")
        third = self.cy.wait_call()
        self.assertEqual(third.caller, "1001")
        self.assertEqual(referrer(third), "1002")
        third.ring()
        self.assertTrue(call.hears(440, 480))  # the remaining party hears ringing
        third.answer(tone=660)
        self.assertEqual(told(self.bo), [100, 180, 200])
        self.assertEqual(other.wait_ended().method, "BYE")
        self.assert_talk(call, 440, third, 660)
        third.hangup()
        call.wait_ended()

    def test_by_the_caller(self):
        call, other = self.meet(self.ada, self.bo)
        call.hold()
        refer(call, "1003")
        third = self.cy.wait_call()
        self.assertEqual(third.caller, "1002")
        self.assertEqual(referrer(third), "1001")
        third.answer(tone=660)
        self.assertEqual(told(self.ada), [100, 200])
        call.wait_ended()
        self.assert_talk(other, 550, third, 660)
        other.hangup()
        third.wait_ended()

    def test_the_transferor_hangs_up_early(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        third.ring()
        other.hangup()
        third.answer(tone=660)
        self.assert_talk(call, 440, third, 660)
        self.assertEqual(told(self.bo)[-1], 200)  # in the dialog that only the subscription is left of
        call.hangup()
        third.wait_ended()

    def test_a_busy_target_gives_the_call_back(self):
        for by_caller in (False, True):
            with self.subTest(by_caller=by_caller):
                call, other = self.meet(self.ada, self.bo)
                transferor = call if by_caller else other
                transferor.hold()
                refer(transferor, "1003")
                self.cy.wait_call().reject(486)
                self.assertEqual(told(transferor.phone), [100, 486])
                transferor.resume()
                self.assert_talk(call, 440, other, 550)
                transferor.hangup()
                (other if by_caller else call).wait_ended()

    def test_nobody_answers_and_no_such_number(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        third.ring()
        self.assertIn(told(self.bo)[-1], (408, 480))
        self.assertEqual(third.wait_ended().method, "CANCEL")
        response = refer(other, "99999")
        self.assertEqual(told(self.bo, "refer;id=%d" % response.cseq[0]), [100, 404])
        self.assert_talk(call, 440, other, 550)
        call.hangup()
        other.wait_ended()

    def test_the_transferor_who_has_gone_is_called_back(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        other.hangup()
        third.reject(486)
        back = self.bo.wait_call()
        self.assertEqual(back.caller, "1001")
        back.answer(tone=770)
        self.assert_talk(call, 440, back, 770)
        back.hangup()
        call.wait_ended()

    def test_the_remaining_party_hangs_up(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        call.hangup()
        self.assertEqual(third.wait_ended().method, "CANCEL")
        self.assertGreaterEqual(told(self.bo)[-1], 400)
        other.wait_ended()

    def test_to_an_application_and_on_from_call_to_call(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "9196")
        self.assertEqual(told(self.bo), [100, 200])
        other.wait_ended()
        self.assertTrue(call.hears(440))
        refer(call, "1003", expect=403)  # the echo cannot be sent to anybody
        call.hangup()

    def test_back_to_who_had_it_first(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        third.answer(tone=660)
        self.assertEqual(told(self.bo)[-1], 200)
        refer(third, "1002")
        again = self.bo.wait_call()
        again.answer(tone=770)
        self.assertEqual(told(self.cy)[-1], 200)
        self.assert_talk(call, 440, again, 770)
        call.hangup()
        again.wait_ended()

    def test_without_a_subscription(self):
        call, other = self.meet(self.ada, self.bo)
        response = refer(other, "1003", headers=[("Refer-Sub", "false"), ("Supported", "norefersub")], expect=200)
        self.assertEqual(response.get("Refer-Sub"), "false")
        self.cy.wait_call().answer(tone=660)
        other.wait_ended()
        self.assertTrue(call.hears(660))
        self.assertTrue(self.bo.notifies.empty())
        call.hangup()

    def test_a_refresh_and_an_end_of_the_subscription(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        self.assertEqual(notify_status(self.bo.wait_notify()), 100)
        response = other.request("SUBSCRIBE", [("Event", "refer"), ("Expires", "60")])
        self.assertEqual(response.status, 200)
        self.assertTrue(self.bo.wait_notify().get("Subscription-State").startswith("active"))
        self.assertEqual(other.request("SUBSCRIBE", [("Event", "refer"), ("Expires", "0")]).status, 200)
        self.assertTrue(self.bo.wait_notify().get("Subscription-State").startswith("terminated"))
        self.assertEqual(other.request("SUBSCRIBE", [("Event", "refer"), ("Expires", "60")]).status, 481)
        third.answer(tone=660)
        self.assertTrue(call.hears(660))
        call.hangup()

    def test_what_makes_no_sense(self):
        call, other = self.meet(self.ada, self.bo)
        self.assertEqual(other.request("REFER").status, 400)
        self.assertEqual(other.request("REFER", [("Refer-To", "<http://example.com/>")]).status, 416)
        self.assertEqual(other.request("REFER", [("Refer-To", "<sip:1003@x?Replaces=nonsense>")]).status, 400)
        self.assertEqual(other.request("REFER", [("Refer-To", "<sip:1003@x;method=BYE>")]).status, 403)
        refer(other, "1003")
        self.cy.wait_call()
        refer(other, "1004", expect=403)  # one at a time
        call.hangup()
        other.wait_ended()


class TestAttended(TransferCase):
    def consult(self, by_caller):
        """Two calls of one phone, the first held; the ends of the others, and his own of both."""
        if by_caller:
            first, rest = self.meet(self.bo, self.ada, 550, 440)
        else:
            rest, first = self.meet(self.ada, self.bo)
        first.hold()
        second, third = self.meet(self.bo, self.cy, 550, 660)
        return rest, first, second, third

    def test_the_two_others_talk(self):
        for by_caller in (False, True):
            with self.subTest(by_caller=by_caller):
                rest, first, second, third = self.consult(by_caller)
                second.hold()
                refer(first, "1003", own_name(second))
                self.assertEqual(told(self.bo), [100, 200])
                first.wait_ended()
                second.wait_ended()
                self.assert_talk(rest, 440, third, 660)
                rest.hangup()
                third.wait_ended()

    def ringing(self, by_caller=False):
        """The first call, held, and a second one of the same phone that only rings."""
        if by_caller:
            first, rest = self.meet(self.bo, self.ada, 550, 440)
        else:
            rest, first = self.meet(self.ada, self.bo)
        first.hold()
        second = self.bo.invite("1003")
        third = self.cy.wait_call()
        third.ring()
        second.wait_status(180)
        refer(first, "1003", own_name(second))
        self.assertEqual(second.wait_ended().status, 487)
        return rest, first, third

    def test_a_target_that_still_rings(self):
        for by_caller in (False, True):
            with self.subTest(by_caller=by_caller):
                rest, first, third = self.ringing(by_caller)
                self.assertTrue(rest.hears(440, 480))
                self.assertFalse(third.ended)  # the same call rings on
                third.answer(tone=660)
                self.assertEqual(told(self.bo), [100, 180, 200])
                first.wait_ended()
                self.assert_talk(rest, 440, third, 660)
                third.hangup()
                rest.wait_ended()

    def test_a_target_that_still_rings_and_refuses(self):
        for by_caller in (False, True):
            with self.subTest(by_caller=by_caller):
                rest, first, third = self.ringing(by_caller)
                third.reject(486)
                self.assertEqual(told(self.bo), [100, 180, 486])
                first.resume()
                self.assert_talk(rest, 440, first, 550)
                rest.hangup()
                first.wait_ended()

    def test_a_target_that_still_rings_while_the_transferor_goes(self):
        rest, first, third = self.ringing()
        first.hangup()
        third.answer(tone=660)
        self.assert_talk(rest, 440, third, 660)
        rest.hangup()
        third.wait_ended()

    def test_a_dialog_elsewhere_is_named_to_the_target(self):
        rest, first = self.meet(self.ada, self.bo)
        name = "elsewhere@10.0.0.1;to-tag=a;from-tag=b"
        refer(first, "1003", name)
        third = self.cy.wait_call()
        self.assertEqual(third.invitation.get("Replaces"), name)
        third.answer(tone=660)
        self.assertEqual(told(self.bo)[-1], 200)
        self.assertTrue(rest.hears(660))
        rest.hangup()

    def test_nobody_names_a_call_of_others(self):
        rest, first = self.meet(self.ada, self.bo)
        one, _ = self.meet(self.cy, self.phone("1004", registered=True), 660, 770)
        refer(first, "1004", own_name(one), expect=403)
        self.assert_talk(rest, 440, first, 550)
        rest.hangup()
        one.hangup()

    def test_into_a_room(self):
        rest, first = self.meet(self.ada, self.bo)
        first.hold()
        room = self.bo.invite("3001", tone=550)
        room.wait_answered()
        member = self.cy.invite("3001", tone=660)
        member.wait_answered()
        self.assertTrue(member.hears(550))
        refer(first, "3001", own_name(room))
        self.assertEqual(told(self.bo)[-1], 200)
        room.wait_ended()
        self.assert_talk(rest, 440, member, 660)
        rest.hangup()
        member.hangup()


class TestThreeWay(TransferCase):
    def test_by_referring_both_to_a_room(self):
        """RFC 5359 section 2.10: the phone that has two calls leads both into a room, and comes itself."""
        one, first = self.meet(self.ada, self.bo)
        first.hold()
        second, other = self.meet(self.bo, self.cy, 550, 660)
        own = self.bo.invite("conf=three", tone=770)
        own.wait_answered()
        refer(first, "conf=three")
        self.assertEqual(told(self.bo)[-1], 200)
        refer(second, "conf=three")
        self.assertEqual(told(self.bo)[-1], 200)
        self.assertTrue(one.hears(660, 770))
        self.assertTrue(other.hears(440, 770))
        self.assertTrue(own.hears(440, 660))
        own.hangup()
        self.assert_talk(one, 440, other, 660)
        one.hangup()
        other.hangup()


class TestRights(TransferCase):
    SETTINGS = "sip { ring = 3 recall = false }"

    def test_without_recall_the_call_ends(self):
        call, other = self.meet(self.ada, self.bo)
        refer(other, "1003")
        third = self.cy.wait_call()
        other.hangup()
        third.reject(486)
        self.assertEqual(call.wait_ended().method, "BYE")

    def test_from_the_trusted_peer(self):
        pbx = self.pbx()
        call = pbx.invite("1002", tone=440)
        other = self.bo.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        refer(call, "1003")
        third = self.cy.wait_call()
        third.answer(tone=660)
        self.assertEqual(told(pbx)[-1], 200)
        self.assert_talk(other, 550, third, 660)
        other.hangup()


if __name__ == "__main__":
    unittest.main()
