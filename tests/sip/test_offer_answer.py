"""Offer and answer through the server (RFC 3264, RFC 6337), as each side sees it on its own leg."""
import re
import threading
import unittest

from harness import Scenario, until
from message import Sdp, sdp_write

DIRECTIONS = {"sendrecv": (True, True), "sendonly": (True, False), "recvonly": (False, True), "inactive": (False, False)}
ANSWERED = {send_receive: name for name, send_receive in DIRECTIONS.items()}
VIDEO = ["m=video 40000 RTP/AVP 96", "a=rtpmap:96 H264/90000"]


def origin(text):
    """Session id and version of the o= line."""
    found = re.search(r"^o=\S+ (\d+) (\d+) ", text, re.M)
    return int(found.group(1)), int(found.group(2))


class OfferAnswer(Scenario):
    def pair(self):
        return self.phone("1001", registered=True), self.phone("1002", registered=True)

    def up(self, **more):
        caller, callee = self.pair()
        call = caller.invite("1002", tone=440, **more)
        other = callee.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

    def end(self, call, other):
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()


class TestDirections(OfferAnswer):
    def test_what_one_offers_and_the_other_answers(self):
        """RFC 3264 section 6.1: nobody is promised what the other does not take."""
        caller, callee = self.pair()
        for offered, (sends, receives) in DIRECTIONS.items():
            for answered, (back, forth) in DIRECTIONS.items():
                call = caller.invite("1002", sdp=sdp_write(caller.local, 40002, ["PCMU"], 1, offered))
                other = callee.wait_call()
                other.say(200, sdp_write(callee.local, 40004, ["PCMU"], 1, answered))
                call.wait_answered()
                self.assertEqual(call.sdps[-1].direction, ANSWERED[(receives and back, sends and forth)], (offered, answered))
                call.hangup()
                other.wait_ended()
        self.server.wait_nothing_left()

    def test_what_one_changes_and_the_other_answers(self):
        """RFC 3264 section 8.4, by either side: what the other is shown, and what comes back of his answer."""
        call, other = self.up()
        for asker, asked in ((call, other), (other, call)):
            for offered, (sends, receives) in DIRECTIONS.items():
                for answered, (back, forth) in DIRECTIONS.items():
                    asked.answers = None
                    self.assertEqual(asker.reinvite("sendrecv" if offered == "inactive" else "inactive").status, 200)
                    asked.answers = answered
                    before = len(asked.requests)
                    answer = Sdp(asker.reinvite(offered).body).direction
                    shown = [Sdp(r.body).direction for r in asked.requests[before:] if r.method == "INVITE"]
                    self.assertEqual((shown, answer), ([offered], ANSWERED[(receives and back, sends and forth)]),
                                     (offered, answered))
        self.end(call, other)

    def test_an_address_of_zeros_holds(self):
        """RFC 2543's way, which RFC 3264 section 8.4 still asks for."""
        call, other = self.up()
        held = re.sub(r"(?m)^c=.*$", "c=IN IP4 0.0.0.0", call.offer().replace("\r", "")).replace("\n", "\r\n")
        self.assertEqual(call.reinvite(body=held).status, 200)
        self.assertIn(other.wait_request("INVITE").body and Sdp(other.wait_request("INVITE").body).direction,
                      ("sendonly", "inactive"))
        call.resume()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)


class TestChanges(OfferAnswer):
    def test_the_origin_is_one_and_its_version_counts_changes(self):
        """RFC 3264 section 8; RFC 4028 section 7.4 for the refresh."""
        call, other = self.up()
        first = origin(call.responses[-1].body)
        same = call._invite.body
        for _ in range(2):
            self.assertEqual(origin(call.reinvite(body=same).body), first)
        self.assertEqual([r.method for r in other.requests], ["ACK"])  # a refresh is no affair of the other side's
        self.assertEqual(origin(call.hold().body), (first[0], first[1] + 1))
        self.assertEqual(origin(call.resume().body), (first[0], first[1] + 2))
        seen = [origin(r.body) for r in [other.invitation] + other.requests if r.method == "INVITE"]
        self.assertEqual(seen, [(seen[0][0], seen[0][1] + n) for n in range(3)])
        self.end(call, other)

    def test_a_refused_change_leaves_all_as_it_was(self):
        """RFC 3261 section 14.1."""
        call, other = self.up()
        other.auto_reinvite = False
        refuse = threading.Thread(target=lambda: (other.wait_request("INVITE"), other.answer_reinvite(488)))
        refuse.start()
        self.assertEqual(call.reinvite("sendonly").status, 488)
        refuse.join()
        self.assertTrue(call.hears(550) and other.hears(440))
        other.auto_reinvite = True
        call.hold()
        call.resume()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_a_change_that_cannot_be_is_refused_at_once(self):
        call, other = self.up()
        self.assertEqual(call.reinvite(body=call.offer(codecs=["PCMU"]).replace("RTP/AVP 0", "RTP/AVP 18")
                                       .replace("PCMU/8000", "G729/8000").replace("rtpmap:0 ", "rtpmap:18 ")).status, 488)
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)


class TestLeftToUs(OfferAnswer):
    def test_an_invite_without_an_offer(self):
        """RFC 3261 section 13.2.1: our offer in the 200, the answer in the ACK; the callee gets an offer of ours."""
        call, other = self.up(sdp=False)
        self.assertTrue(other.invitation.body)
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_a_change_without_an_offer(self):
        """RFC 3261 section 14.1, from either side; it takes a hold back."""
        call, other = self.up()
        for side in (call, other):
            self.assertTrue(Sdp(side.reinvite(body="").body).codecs)
            self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)


class TestStreams(OfferAnswer):
    def test_a_second_stream_is_refused_by_port_zero(self):
        """RFC 3264 section 6: as many m= lines as offered, and in that order."""
        caller, callee = self.pair()
        call = caller.invite("1002", tone=440, extra=VIDEO)
        callee.wait_call().answer(tone=550)
        call.wait_answered()
        lines = re.findall(r"^m=(\w+) (\d+)", call.responses[-1].body, re.M)
        self.assertEqual([kind for kind, _ in lines], ["audio", "video"])
        self.assertEqual(lines[1][1], "0")
        self.assertTrue(call.hears(550))
        call.hangup()
        self.server.wait_nothing_left()

    def test_sound_that_is_refused_is_no_call(self):
        caller, _ = self.pair()
        call = caller.invite("9196", sdp=sdp_write(caller.local, 0, ["PCMU"], 1, "sendrecv"))
        self.assertEqual(call.wait_ended().status, 488)
        self.server.wait_nothing_left()


class TestFormats(OfferAnswer):
    """Each leg has its own, whatever the other side agreed on."""

    def sizes(self, call):
        """Of the last packets of sound, in ms of G.711."""
        return {len(p[6]) // 8 for p in call.media.packets[-5:] if p[1] == call.media.pt}

    def test_packet_times(self):
        """RFC 3264 section 6.1: ptime is what a side wants to get, and a new one counts from then on."""
        caller, callee = self.pair()
        caller.ptime, callee.ptime = 10, 40
        call = caller.invite("1002", tone=440)
        other = callee.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        self.assertTrue(call.hears(550) and other.hears(440))
        self.assertEqual((self.sizes(call), self.sizes(other)), ({10}, {40}))
        caller.ptime, callee.ptime = 40, 20
        for side in (call, other):
            self.assertEqual(side.reinvite().status, 200)
        until(lambda: (self.sizes(call), self.sizes(other)) == ({40}, {20}), what="packets of 40 and 20 ms")
        self.assertTrue(call.hears(550) and other.hears(440))
        self.end(call, other)

    def test_digits_beside_opus(self):
        """RFC 4733 section 2.1: their clock is that of the sound beside them, but for phones that have one only. A key is one key."""
        caller, callee = self.pair()
        caller.codecs = ["opus"]
        for clock in (48000, 8000):
            caller.events = clock
            call = caller.invite("1002")
            other = callee.wait_call()
            other.answer(tone=550)
            call.wait_answered()
            other.wait_request("ACK")
            call.dial("55#")
            other.dial("77*")
            until(lambda: (other.media.digits, call.media.digits) == ("55#", "77*"), what="three digits each way")
            for side, rate in ((call, clock), (other, 8000)):
                longest = max(int.from_bytes(p[6][2:4], "big") for p in side.media.packets if p[1] == side.media.event_pt)
                self.assertTrue(90 <= longest * 1000 // rate <= 150, longest)  # pressed for 100 ms
            self.end(call, other)


class TestBodies(OfferAnswer):
    """RFC 5621: SDP among other parts."""

    def send(self, body, kind):
        call = self.phone("1001").invite("9196", tone=440, headers=[("Content-Type", kind)], sdp=body)
        call._wait(lambda: call.answered or call.ended, 5, "a final response")
        return call

    def test_sdp_is_found_among_the_parts(self):
        sdp = sdp_write(self.server.address, 40006, ["PCMU"], 1, "sendrecv")
        other = "Content-Type: application/isup;version=etsi\r\nContent-Disposition: signal;handling=optional\r\n\r\n--x\r\n"
        part = "Content-Disposition: session\r\ncontent-type:application/sdp\r\n\r\n" + sdp
        for body, kind in (("--b 1\r\n" + other + "\r\n--b 1\r\n" + part + "\r\n--b 1--\r\n", 'multipart/mixed; boundary="b 1"'),
                           ("preamble\r\n--b\r\n" + part + "\r\n--b\r\n" + other + "\r\n--b--", "Multipart/Related;boundary=b"),
                           ("--b\r\n" + part + "\r\n--b--\r\nepilogue", "multipart/alternative;boundary=b"),
                           # The boundary of a multipart within may begin with that of the one around it.
                           ("--b\r\nContent-Type: multipart/mixed;boundary=bc\r\n\r\n--bc\r\nContent-Type: application/sdp\r\n\r\nv=9\r\n--bc--\r\n--b\r\n" +
                            part + "\r\n--b--", "multipart/mixed;boundary=b")):
            call = self.send(body, kind)
            self.assertTrue(call.answered, (kind, call.end))
            self.assertEqual(call.sdps[-1].codecs[0], "PCMU")
            call.hangup()
        self.server.wait_nothing_left()

    def test_what_has_none_gets_415(self):
        part = "Content-Type: application/sdp\r\n\r\nv=0\r\n"
        for body, kind in (("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "multipart/mixed;boundary=b"),
                           ("--b\r\n" + part + "--b--", "multipart/mixed"), ("--b\r\n" + part, "multipart/mixed;boundary=b"),
                           ("--b\r\n--b\r\n--b--", "multipart/mixed;boundary=b"), ("--b--", "multipart/mixed;boundary=b"),
                           ("--b", "multipart/mixed;boundary=b"), ("--", "multipart/mixed;boundary=b"),
                           ("--b\r\nContent-Type: application/sdp", "multipart/mixed;boundary=b"),
                           ("--b\r\nContent-Type: application/sdpx\r\n\r\nv=0\r\n--b--", "multipart/mixed;boundary=b"),
                           ("--b\r\nContent-Type: application/sdp\r\n\r\n--b--", "multipart/mixed;boundary=b"),
                           ("--" + "b" * 300 + "\r\n" + part + "--" + "b" * 300 + "--", "multipart/mixed;boundary=" + "b" * 300)):
            call = self.send(body, kind)
            self.assertEqual(call.end and call.end.status, 415, (body, kind))
            self.assertIn("application/sdp", call.end.get("Accept"))
        self.server.wait_nothing_left()


if __name__ == "__main__":
    unittest.main()
