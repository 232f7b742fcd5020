"""Calls between two phones through the B2BUA, with media anchored: RFC 3261, RFC 3264, RFC 4028, RFC 4733."""
import re
import time
import unittest

from harness import CHAINED, SLOW, Scenario, run_sipp, until
from message import user_of


class TestCall(Scenario):
    SETTINGS = "sip { ring = 2 }"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Without a mailbox a call that fails stays failed, and its status can be seen.
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")

    def meet(self, caller, callee, **more):
        """Sets a call up and answers it; both ends."""
        call = caller.invite(callee.user, tone=440, **more)
        other = callee.wait_call()
        other.ring()
        call.wait_status(180)
        other.answer(tone=550)
        call.wait_answered()
        return call, other

    def pair(self, caller="1001", callee="1006"):
        return self.phone(caller, registered=True), self.phone(callee, registered=True)

    # -- from ring to end ----------------------------------------------------------------------------------------------

    def test_each_hears_the_other_and_not_himself(self):
        call, other = self.meet(*self.pair())
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        self.assertTrue(call.deaf_to(440))
        self.assertTrue(other.deaf_to(550))
        call.hangup()
        self.assertEqual(other.wait_ended().method, "BYE")

    def test_the_callee_can_end_it(self):
        call, other = self.meet(*self.pair())
        other.hangup()
        self.assertEqual(call.wait_ended().method, "BYE")

    def test_the_two_legs_are_two_dialogs(self):
        caller, callee = self.pair()
        call, other = self.meet(caller, callee)
        self.assertNotEqual(call.call_id, other.call_id)
        self.assertEqual(other.caller, "1001")
        self.assertEqual(call.sdps[-1].address, self.server.address)  # media is anchored here
        self.assertEqual(other.sdps[-1].address, self.server.address)
        self.assertLess(int(other.invitation.get("Max-Forwards")), 70)
        call.hangup()

    def test_busy_is_passed_on(self):
        caller, callee = self.pair()
        call = caller.invite("1006")
        callee.wait_call().reject(486)
        self.assertEqual(call.wait_ended().status, 486)

    def test_nobody_answers(self):
        caller, callee = self.pair()
        begin = time.monotonic()
        call = caller.invite("1006")
        other = callee.wait_call()
        other.ring()
        self.assertIn(call.wait_ended().status, (408, 480))
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual(other.wait_ended().method, "CANCEL")

    def test_not_registered_is_480_and_unknown_is_404(self):
        caller = self.phone("1001", registered=True)
        self.assertEqual(caller.invite("1007").wait_ended().status, 480)
        self.assertEqual(caller.invite("1234567").wait_ended().status, 404)

    def test_cancel_reaches_the_callee(self):
        caller, callee = self.pair()
        call = caller.invite("1006")
        other = callee.wait_call()
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")

    def test_cancel_that_crosses_the_answer_leaves_nobody_behind(self):
        caller, callee = self.pair()
        for _ in range(5):
            call = caller.invite("1006")
            other = callee.wait_call()
            other.ring()
            call.wait_status(180)
            call.cancel()
            other.answer()
            if not until(lambda: call.ended or call.answered, what="an outcome"):
                continue
            if call.answered and not call.ended:
                call.hangup()
            other.wait_ended()

    def test_all_contacts_ring_and_one_answers(self):
        first, second = self.pair("1006", "1006")
        caller = self.phone("1001", registered=True)
        call = caller.invite("1006", tone=440)
        one, two = first.wait_call(), second.wait_call()
        one.ring()
        two.ring()
        call.wait_status(180)
        two.answer(tone=550)
        call.wait_answered()
        self.assertEqual(one.wait_ended().method, "CANCEL")
        self.assertTrue(call.hears(550))
        call.hangup()
        two.wait_ended()

    def test_one_contact_is_busy_and_the_other_answers(self):
        first, second = self.pair("1006", "1006")
        call = self.phone("1001", registered=True).invite("1006")
        first.wait_call().reject(486)
        two = second.wait_call()
        two.answer()
        call.wait_answered()
        call.hangup()

    # -- media -----------------------------------------------------------------------------------------------------------

    def test_early_media_is_heard(self):
        caller, callee = self.pair()
        call = caller.invite("1006", tone=440)
        other = callee.wait_call()
        other.ring(183, early=True, tone=660)
        call.wait_status(183)
        self.assertTrue(call.hears(660))
        self.assertFalse(call.answered)
        other.answer(tone=550)
        call.wait_answered()
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        call.hangup()

    def test_hold_and_resume(self):
        call, other = self.meet(*self.pair())
        self.assertTrue(other.hears(440))
        response = call.hold()
        self.assertIn("a=recvonly", response.body)  # RFC 3264 section 8.4
        until(lambda: other.sdps[-1].direction in ("sendonly", "inactive"), what="a hold at the other side")
        self.assertTrue(call.deaf_to(550) or not call.listen(0.5))
        call.resume()
        until(lambda: other.sdps[-1].direction == "sendrecv", what="a resume at the other side")
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        other.hold()
        other.resume()
        self.assertTrue(call.hears(550))
        call.hangup()
        other.wait_ended()

    def test_a_reinvite_that_fails_leaves_the_call_as_it_was(self):
        call, other = self.meet(*self.pair())
        body = call.offer().replace("RTP/AVP 0 8", "RTP/AVP 18").replace("a=rtpmap:0 PCMU/8000\r\n", "").replace(
            "a=rtpmap:8 PCMA/8000\r\n", "a=rtpmap:18 G729/8000\r\n")
        self.assertEqual(call.reinvite(body=body).status, 488)
        self.assertTrue(call.hears(550))
        call.hangup()

    def test_digits_pass(self):
        call, other = self.meet(*self.pair())
        call.dial("159*0#")
        until(lambda: other.media.digits == "159*0#", 5, "digits (%s came)" % other.media.digits)
        other.dial("7")
        until(lambda: call.media.digits == "7", 5, "a digit")
        call.hangup()

    def test_the_codec_stays_as_it_is_where_both_agree(self):
        caller, callee = self.pair()
        caller.codecs, callee.codecs = ["PCMA"], ["PCMA", "PCMU"]
        call, other = self.meet(caller, callee)
        self.assertTrue(other.hears(440))
        self.assertEqual({p[1] for p in other.media.packets[5:]} - {101}, {8})
        call.hangup()

    def test_transcoding_between_phones(self):
        caller, callee = self.pair()
        caller.codecs, callee.codecs = ["PCMU"], ["PCMA"]
        call, other = self.meet(caller, callee)
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        call.hangup()

    def test_transcoding_with_baresip(self):
        for codec in ("G722/16000/1", "opus/48000/2"):
            with self.subTest(codec):
                peer = self.baresip("1007", tone=660, codec=codec, register=False)
                caller = self.phone("1001", registered=True)
                caller.codecs = ["PCMU"]
                call = caller.invite("1007", tone=440).wait_answered()
                self.assertTrue(call.hears(660))
                self.assertTrue(peer.hears(440))
                call.hangup()
                peer.wait_event("CALL_CLOSED")
                peer.stop()
                caller.close()

    def test_delayed_offer(self):
        caller, callee = self.pair()
        call = caller.invite("1006", tone=440, sdp=None)
        other = callee.wait_call()
        other.ring()
        other.answer(tone=550)
        call.wait_answered()
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        call.hangup()

    def test_echo(self):
        call = self.phone("1001", registered=True).invite("9196", tone=440).wait_answered()
        self.assertTrue(call.hears(440))
        call.hangup()

    # -- who calls, and how ------------------------------------------------------------------------------------------------

    def test_a_stranger_is_challenged_and_the_peer_is_not(self):
        self.assertEqual(self.phone("1001", password="").invite("9196").wait_ended().status, 407)
        self.assertEqual(self.phone("1001", password="wrong").invite("9196").wait_ended().status in (403, 407), True)
        call = self.pbx().invite("9196").wait_answered()
        self.assertNotIn(407, [r.status for r in call.responses])
        call.hangup()

    def test_the_peer_s_identity_is_believed_and_a_user_s_is_not(self):
        callee = self.phone("1006", registered=True)
        call = self.pbx().invite("1006", headers=[("P-Asserted-Identity", '"Boss" <sip:4711@pbx.example>')])
        other = callee.wait_call()
        self.assertEqual(other.caller, "4711")
        call.hangup()
        call = self.phone("1001", registered=True).invite("1006", headers=[("P-Asserted-Identity", "<sip:4711@pbx.example>")])
        other = callee.wait_call()
        self.assertEqual(other.caller, "1001")
        self.assertNotIn("4711", [user_of(v) for v in other.invitation.all("P-Asserted-Identity")])
        call.hangup()

    def test_session_timer_is_agreed(self):
        """RFC 4028 section 9: a 2xx to a request with a session interval says who refreshes it."""
        caller, callee = self.pair()
        call, other = self.meet(caller, callee, headers=[("Supported", "timer"), ("Session-Expires", "600;refresher=uac")])
        answer = call.responses[-1]
        self.assertTrue(answer.get("Session-Expires", "").startswith("600"))
        self.assertEqual(answer.param("Session-Expires", "refresher"), "uac")
        self.assertIn("timer", answer.all("Require"))
        call.hangup()

    def test_session_interval_too_small(self):
        caller = self.phone("1001", registered=True)
        call = caller.invite("9196", headers=[("Supported", "timer"), ("Session-Expires", "60")])
        self.assertEqual(call.wait_ended().status, 422)
        self.assertEqual(call.end.get("Min-SE"), "90")

    def test_required_extension_that_nobody_has(self):
        call = self.phone("1001", registered=True).invite("9196", headers=[("Require", "nonsense")])
        self.assertEqual(call.wait_ended().status, 420)
        self.assertIn("nonsense", call.end.all("Unsupported"))

    def test_request_in_no_dialog(self):
        phone = self.phone("1001", registered=True)
        for method in ("BYE", "UPDATE"):
            response = phone.request(method, phone.uri("1006"), to="<sip:1006@x>;tag=nobody")
            self.assertEqual(response.status, 481, method)

    def test_sipp_calls_a_hundred_times(self):
        run_sipp(self.server, "call_echo.xml", "-au", "1001", "-ap", "confab-1001", "-r", str(20 // SLOW), service="9196", calls=100,
                 timeout=60)


class TestChained(TestCall):
    """The core of the same with three applications before everything: nobody may notice them."""
    LINKS = CHAINED
    CORE = ("test_each_hears_the_other_and_not_himself", "test_the_two_legs_are_two_dialogs", "test_busy_is_passed_on",
            "test_not_registered_is_480_and_unknown_is_404", "test_cancel_reaches_the_callee", "test_early_media_is_heard",
            "test_all_contacts_ring_and_one_answers", "test_hold_and_resume", "test_digits_pass", "test_transcoding_between_phones")

    def tearDown(self):
        # Each call of these came by all three; one to a number that nobody has meets no links of a callee.
        seen = re.findall(r" tagged (\w+=\w+)", self.server.log())
        self.assertIn("third=3", seen)
        self.assertEqual(seen.count("first=1"), seen.count("second=2"))


for name in [n for n in dir(TestCall) if n.startswith("test_") and n not in TestChained.CORE]:
    setattr(TestChained, name, None)


class TestTimeout(Scenario):
    SETTINGS = "media { rtp_timeout = 2 }"

    def test_a_call_without_rtp_ends(self):
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", tone=440)
        other = callee.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        self.assertTrue(call.hears(550))
        time.sleep(2)
        self.assertFalse(call.ended)  # while packets come, it stands
        other.media.sending = False
        self.assertEqual(other.wait_ended(15).method, "BYE")
        self.assertEqual(call.wait_ended().method, "BYE")


if __name__ == "__main__":
    unittest.main()
