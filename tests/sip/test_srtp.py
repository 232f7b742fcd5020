"""SRTP with keys in SDP (RFC 4568): on one leg or both, within RTP/AVP or as RTP/SAVP; baresip's SRTP is libre's own."""
import re
import time
import unittest
import zlib

from harness import PEERS, PLAN, Scenario
from message import Sdp, token
from phone import Call

KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"  # of RFC 4568's example
CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + KEY
SUITE = "AES_CM_128_HMAC_SHA1_80"


def crypto_of(sdp):
    return re.findall(r"^a=crypto:(\d+) (\S+) (\S+)", sdp.text, re.M)


def squeezed(packets):
    """What a packer leaves of the payloads: a small part of speech and tones, all of what is encrypted."""
    payloads = b"".join(p[6] for p in packets)
    return len(zlib.compress(payloads)) / len(payloads)


class SrtpScenario(Scenario):
    def tearDown(self):
        self.assertNotIn("inline:", self.server.log())  # a log is no place for keys

    def invite(self, phone, target, profile="RTP/AVP", keys=(), tone=440):
        """A call whose offer holds keys that the phone can do nothing with: it sends and hears as ever."""
        call = Call(phone, token(), phone.codecs, tone)
        call.start(phone.uri(target), (), call.offer(extra=keys).replace("RTP/AVP", profile))
        return call

    def media_line(self, mark, leg="caller"):
        """Suite and forged packets of a leg, as the log tells them at the end."""
        found = self.server.wait_log(r" media leg=%s .*srtp=(\S+) forged=(\d+)" % leg, 10, mark)
        return found.group(1), int(found.group(2))

    def assert_suite(self, mark, suite, leg="caller"):
        found, forged = self.media_line(mark, leg)
        self.assertEqual(found, suite)
        self.assertLess(forged, 5)  # baresip's first and last RTCP (an APP "PING" and a BYE) are in the clear


class TestOptional(SrtpScenario):
    """The default: whoever can is protected, and nobody is kept out."""

    def test_room_of_protected_and_plain(self):
        mark = self.server.mark()
        plain = self.phone("1001", registered=True).invite("3001", tone=440).wait_answered()
        must = self.baresip("1002", tone=620, codec="PCMU/8000/1", srtp="srtp-mand")
        may = self.baresip("1003", tone=850, codec="opus/48000/2", srtp="srtp")
        must.dial("3001")
        may.dial("3001")
        self.assertTrue(plain.hears(620, 850, timeout=15))
        self.assertTrue(must.hears(440, 850))
        self.assertTrue(may.hears(440, 620))
        self.assertTrue(must.deaf_to(620))
        self.assertEqual(crypto_of(plain.sdps[-1]), [])
        must.hangup()
        self.assert_suite(mark, SUITE)
        mark = self.server.mark()
        may.hangup()
        self.assert_suite(mark, SUITE)
        mark = self.server.mark()
        plain.hangup()
        self.assert_suite(mark, "-")

    def test_echo(self):
        phone = self.baresip("1002", tone=620, codec="PCMA/8000/1", srtp="srtp-mand")
        phone.dial("9196")
        self.assertTrue(phone.hears(620))

    def test_two_protected_phones(self):
        mark = self.server.mark()
        caller = self.baresip("1004", tone=440, codec="PCMU/8000/1", srtp="srtp-mand")
        callee = self.baresip("1005", tone=620, codec="PCMU/8000/1", srtp="srtp")
        caller.dial("1005")
        self.assertTrue(caller.hears(620, timeout=15))
        self.assertTrue(callee.hears(440))
        caller.hangup()
        self.assert_suite(mark, SUITE)
        self.assert_suite(mark, SUITE, "callee")

    def test_one_leg_protected_one_not(self):
        mark = self.server.mark()
        caller = self.baresip("1004", tone=440, codec="PCMU/8000/1", srtp="srtp-mand")
        callee = self.phone("1001", registered=True)
        caller.dial("1001", wait=False)
        other = callee.wait_call()
        self.assertIn("RTP/AVP", other.invitation.body)  # with a key, which this phone passes over
        self.assertEqual(other.invitation.body.count("a=crypto:"), 1)
        self.assertLess(len(other.invitation.encode()), 1300)  # RFC 3261 section 18.1.1
        other.answer(tone=550)
        self.assertTrue(other.hears(440, timeout=10))
        self.assertTrue(caller.hears(550))
        other.hold()
        time.sleep(0.5)
        other.resume()
        self.assertTrue(other.hears(440, timeout=10))
        self.assertNotIn("failed to decrypt", caller.log())  # with or without SRTP it plays nothing more after a hold
        other.hangup()
        self.assert_suite(mark, SUITE)
        self.assert_suite(mark, "-", "callee")

    def test_plain_phone_calls_protected_one(self):
        mark = self.server.mark()
        caller = self.phone("1001", registered=True)
        callee = self.baresip("1005", tone=620, codec="PCMU/8000/1", srtp="srtp")
        call = caller.invite("1005", tone=440).wait_answered()
        self.assertTrue(call.hears(620, timeout=10))
        self.assertTrue(callee.hears(440))
        call.hangup()
        self.assert_suite(mark, "-")
        self.assert_suite(mark, SUITE, "callee")

    def test_what_is_on_the_wire_is_no_speech(self):
        """A phone that offers a key and has no SRTP: it hears noise, and nobody hears what it says."""
        mark = self.server.mark()
        talker = self.phone("1001", registered=True).invite("3002", tone=620).wait_answered()
        witness = self.phone("1002", registered=True).invite("3002", tone=850).wait_answered()
        deaf = self.invite(self.phone("1003", registered=True), "3002", keys=[CRYPTO], tone=440).wait_answered()
        self.assertEqual([c[:2] for c in crypto_of(deaf.sdps[-1])], [("1", SUITE)])
        self.assertNotIn(KEY, deaf.sdps[-1].text)
        self.assertTrue(witness.hears(620, timeout=10))
        begin = time.monotonic()
        time.sleep(2)
        packets = [p for p in deaf.media.packets if p[0] >= begin]
        self.assertGreater(len(packets), 20)
        self.assertEqual({len(p[6]) for p in packets}, {170})  # 20 ms of PCMU and a tag of 80 bits
        self.assertGreater(squeezed(packets), 0.95)  # as good as random
        self.assertLess(squeezed([p for p in talker.media.packets if p[0] >= begin]), 0.5)
        self.assertTrue(witness.deaf_to(440))
        self.assertTrue(talker.deaf_to(440))
        deaf.hangup()
        suite, forged = self.media_line(mark)
        self.assertEqual(suite, SUITE)
        self.assertGreater(forged, 20)
        talker.hangup()
        witness.hangup()

    def test_new_offers_keep_our_key(self):
        phone = self.phone("1003", registered=True)
        call = self.invite(phone, "9196", "RTP/SAVP", [CRYPTO]).wait_answered()
        first = call.sdps[-1]
        self.assertIn("RTP/SAVP", first.media[0])
        other = CRYPTO.replace("V", "W").replace("crypto:1", "crypto:5")
        body = call.offer(extra=[other]).replace("RTP/AVP", "RTP/SAVP")
        self.assertEqual(call.reinvite(body=body).status, 200)
        second = call.sdps[-1]
        self.assertEqual(crypto_of(second)[0][0], "5")
        self.assertEqual(crypto_of(second)[0][2], crypto_of(first)[0][2])
        call.hangup()

    def test_keys_of_no_use(self):
        call = self.invite(self.phone("1003", registered=True), "9196", "RTP/SAVP", [CRYPTO + "|2^20|1:4"])
        self.assertEqual(call.wait_ended().status, 488)


class TestRequired(SrtpScenario):
    SETTINGS = 'media { srtp = "required" }'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")

    def test_plain_caller_is_refused(self):
        self.assertEqual(self.phone("1001", registered=True).invite("9196").wait_ended().status, 488)

    def test_the_callee_does_not_ring_for_a_plain_caller(self):
        callee = self.phone("1006", registered=True)
        self.assertEqual(self.phone("1001", registered=True).invite("1006").wait_ended().status, 488)
        self.assertTrue(callee.incoming.empty())

    def test_plain_callee_is_refused(self):
        callee = self.phone("1006", registered=True)
        call = self.invite(self.phone("1001", registered=True), "1006", "RTP/SAVP", [CRYPTO])
        other = callee.wait_call()
        self.assertIn("RTP/SAVP", other.invitation.body)
        self.assertEqual(other.invitation.body.count("a=crypto:"), 4)
        other.answer()
        self.assertEqual(call.wait_ended().status, 488)
        self.assertEqual(other.wait_ended().method, "BYE")

    def test_protected_phones_talk(self):
        mark = self.server.mark()
        caller = self.baresip("1004", tone=440, codec="PCMU/8000/1", srtp="srtp-mand")
        callee = self.baresip("1005", tone=620, codec="G722/16000/1", srtp="srtp-mand")
        caller.dial("1005")
        self.assertTrue(caller.hears(620, timeout=15))
        self.assertTrue(callee.hears(440))
        caller.hangup()
        self.assert_suite(mark, SUITE)
        self.assert_suite(mark, SUITE, "callee")


class TestInsisting(SrtpScenario):
    """A phone that takes keys in RTP/SAVP alone: it is offered that once its 488 has come, if policy allows."""
    SETTINGS = 'media { srtp = "optional" }'

    def ring_insisting(self):
        caller, phone = self.phone("1001", registered=True), self.phone("1002", registered=True)
        call = caller.invite("1002", tone=440)
        first = phone.wait_call()
        with phone.changed:
            phone.calls.pop(first.call_id)  # what comes with this Call-ID next is looked at anew
        self.assertIn("RTP/AVP", first.invitation.body)
        phone.respond(first.invitation, first._reply, 488, tag=first.local_tag)
        return call, first, phone.wait_call()

    def test_is_offered_what_it_wants(self):
        call, first, second = self.ring_insisting()
        self.assertEqual(second.call_id, first.call_id)
        self.assertGreater(second.invitation.cseq[0], first.invitation.cseq[0])
        self.assertIn("RTP/SAVP", second.invitation.body)
        self.assertIn(SUITE, [suite for _, suite, _ in crypto_of(Sdp(second.invitation.body))])
        body = second.offer(extra=[CRYPTO]).replace("RTP/AVP", "RTP/SAVP")
        second.say(200, body)
        call.wait_answered()
        second.wait_request("ACK")
        mark = self.server.mark()
        call.hangup()
        second.wait_ended()
        self.assertEqual(self.media_line(mark, "callee")[0], SUITE)
        self.server.wait_nothing_left()

    def test_who_refuses_that_too_is_not_asked_again(self):
        call, _, second = self.ring_insisting()
        second.reject(488)
        self.assertEqual(call.wait_ended().status, 488)
        self.server.wait_nothing_left()


class TestPeers(SrtpScenario):
    """Nobody's calls are protected but the trunk's, which must be."""
    SETTINGS = 'media { srtp = "off" }'
    PEERS = PEERS + 'peer "trunk" { address = {"127.0.0.2"} uri = "sip:127.0.0.2:5999" srtp = "required" }\n'
    PEERS = PEERS.replace('peer "pbx" { address = {"127.0.0.2"} }', "")
    PLAN = PLAN + 'number "0." { application = "peer" argument = "trunk" }\n'

    def test_protected_caller_is_refused(self):
        call = self.invite(self.phone("1001", registered=True), "9196", "RTP/SAVP", [CRYPTO])
        self.assertEqual(call.wait_ended().status, 488)

    def test_without_keys_there_is_nothing_else_to_offer(self):
        caller, phone = self.phone("1001", registered=True), self.phone("1002", registered=True)
        call = caller.invite("1002")
        phone.wait_call().reject(488)
        self.assertEqual(call.wait_ended().status, 488)

    def test_keys_within_plain_rtp_are_passed_over(self):
        call = self.invite(self.phone("1001", registered=True), "9196", keys=[CRYPTO]).wait_answered()
        self.assertEqual(crypto_of(call.sdps[-1]), [])
        self.assertTrue(call.hears(440))
        call.hangup()

    def test_the_trunk_must_protect(self):
        self.assertEqual(self.pbx().invite("9196").wait_ended().status, 488)
        call = self.invite(self.pbx(), "9196", "RTP/SAVP", [CRYPTO]).wait_answered()
        self.assertEqual(len(crypto_of(call.sdps[-1])), 1)
        call.hangup()


if __name__ == "__main__":
    unittest.main()
