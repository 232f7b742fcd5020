"""A room that is exported to a session recording server (RFC 7866): a stream for each who speaks, and who is who."""
import re
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

import sound
from harness import PEERS, Scenario, until
from media import Media
from message import Message, Sdp, token, uri_of
from wire import Wire

NS = {"r": "urn:ietf:params:xml:ns:recording:1"}


class RecordingServer:
    """An SRS: takes every offer, and keeps what comes on each stream by its label."""

    def __init__(self, server):
        self.wire = Wire(server, "127.0.0.3")
        self.wire.answer = self.answer
        self.status, self.challenges, self.refused = 200, 0, set()
        self.dialog, self.cseq = None, 0
        self.invites, self.ended, self.metadata, self.sdp = [], 0, None, ""
        self.nonce = token()
        self.media, self.tag, self._closed = {}, token(), False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def uri(self):
        return "sip:srs@" + self.wire.address

    def _run(self):
        while not self._closed:
            self.wire.drain(0.05)

    def close(self):
        self._closed = True
        self.thread.join()
        self.wire.close()
        for media in self.media.values():
            media.close()

    def parts(self, request):
        boundary = re.search(r'boundary="?([^";]+)', request.get("Content-Type")).group(1)
        parts = {}
        for part in request.body.split("--" + boundary)[1:-1]:
            head, _, body = part.lstrip("\r\n").partition("\r\n\r\n")
            parts[re.search(r"Content-Type:\s*(\S+)", head, re.I).group(1).lower()] = (head, body)
        return parts

    def answer(self, request):
        if request.method == "BYE":
            self.ended += 1
        if request.method != "INVITE":
            return Wire.reply(request, 200)
        self.invites.append(request)
        if self.status == 401:
            if self.nonce not in request.get("Authorization", ""):
                self.challenges += 1
                return Wire.reply(request, 401, [("WWW-Authenticate", 'Digest realm="srs",nonce="%s",qop="auth"' % self.nonce)])
            self.nonce = token()  # each is good for once
        elif self.status != 200:
            return Wire.reply(request, self.status)
        parts = self.parts(request)
        self.sdp = parts["application/sdp"][1]
        self.metadata = ElementTree.fromstring(parts["application/rs-metadata+xml"][1])
        self.disposition = parts["application/rs-metadata+xml"][0]
        reply = Wire.reply(request, 200, [("Contact", "<%s>" % self.uri), ("Content-Type", "application/sdp")], self.write())
        self.dialog = Message.parse(reply)
        self.target = uri_of(request.get("Contact"))
        return reply

    def write(self, directions=None, more=()):
        """Its own SDP: all streams as they stand, recvonly unless told otherwise by label."""
        lines = ["v=0", "o=srs 1 %d IN IP4 127.0.0.3" % (len(self.invites) + self.cseq), "s=-", "c=IN IP4 127.0.0.3", "t=0 0"]
        for label, stream in self.streams():
            if stream.port and label not in self.media:
                self.media[label] = Media("127.0.0.3")
                self.media[label].use(stream, ["PCMU"])
            port = self.media[label].port if stream.port and label not in self.refused else 0
            lines += ["m=audio %d RTP/AVP 0" % port, "a=" + (directions or {}).get(label, "recvonly"), "a=label:" + label]
        return "\r\n".join(lines + list(more)) + "\r\n"

    def request(self, method, body="", cseq=None):
        to, mine = self.dialog.get("From"), self.dialog.get("To")
        self.cseq += cseq is None
        self.wire.send(Message("%s %s SIP/2.0" % (method, self.target), [
            ("Via", "SIP/2.0/UDP %s;branch=z9hG4bK%s" % (self.wire.address, token())), ("Max-Forwards", "70"), ("From", mine), ("To", to),
            ("Call-ID", self.dialog.get("Call-ID")), ("CSeq", "%d %s" % (cseq or self.cseq, method)), ("Contact", "<%s>" % self.uri)] +
            ([("Content-Type", "application/sdp")] if body else []), body).encode())

    def offer(self, sdp):
        """A re-INVITE of its own, "" for none of SDP; its final response, acknowledged."""
        self.request("INVITE", sdp)
        wanted = "%d INVITE" % self.cseq
        response = until(lambda: [r for r in self.wire.responses if r.get("CSeq") == wanted and r.status >= 200], what="its answer")[0]
        if not sdp:
            self.sdp = response.body
        self.request("ACK", "" if sdp else self.write(), cseq=self.cseq)
        return response

    def streams(self, sdp=None):
        """(label, its part of the SDP) in order."""
        head, *media = (sdp or self.sdp).split("m=audio ")
        return [(re.search(r"a=label:(\S+)", m).group(1), Sdp(head + "m=audio " + m)) for m in media]

    def label_of(self, user):
        """Of the stream that a participant sends, as the metadata say; None: he has none."""
        for participant in [] if self.metadata is None else self.metadata.findall("r:participant", NS):
            if participant.find("r:nameID", NS).get("aor").startswith("sip:%s@" % user):
                mine = participant.get("participant_id")
                for association in self.metadata.findall("r:participantstreamassoc", NS):
                    if association.get("participant_id") == mine:
                        sent = association.find("r:send", NS).text
                        for stream in self.metadata.findall("r:stream", NS):
                            if stream.get("stream_id") == sent:
                                return stream.find("r:label", NS).text
        return None

    def hears(self, user, *frequencies):
        label = self.label_of(user)
        if label not in self.media:
            return False
        samples = self.media[label].samples(time.monotonic() - 0.6)
        return len(samples) > 3000 and sound.hears(samples, 8000, *frequencies)

    def deaf_to(self, user, *frequencies):
        return sound.deaf_to(self.media[self.label_of(user)].samples(time.monotonic() - 0.6), 8000, *frequencies)


class TestSiprec(Scenario):
    PEERS = PEERS + '\npeer "srs" { address = {"127.0.0.3"} user = "confab" password = "secret" }'

    def setUp(self):
        super().setUp()
        self.recorder = RecordingServer(self.server.address)
        self.addCleanup(self.recorder.close)

    def room(self, number):
        self.server.psql("insert into room (number, siprec) values ('%s', '%s')" % (number, self.recorder.uri))

    def enter(self, user, room, tone):
        return self.phone(user, registered=True).invite(room, tone=tone).wait_answered()

    def test_each_speaker_has_a_stream(self):
        self.room("3020")
        recorder = self.recorder
        one = self.enter("1001", "3020", 440)
        until(lambda: recorder.invites, what="the recording session")
        first = recorder.invites[0]
        self.assertIn("siprec", first.get("Require"))
        self.assertIn("+sip.src", first.get("Contact"))
        self.assertIn("recording-session", recorder.disposition)
        two = self.enter("1002", "3020", 620)
        until(lambda: recorder.hears("1001", 440) and recorder.hears("1002", 620), 15, "both streams")
        self.assertTrue(recorder.deaf_to("1001", 620) and recorder.deaf_to("1002", 440))
        self.assertTrue(all(stream.direction == "sendonly" for _, stream in recorder.streams()))
        self.assertEqual(recorder.metadata.find("r:datamode", NS).text, "complete")
        # Who has left has no stream any more, and the metadata say when he left.
        left = recorder.label_of("1001")
        one.hangup()
        until(lambda: dict(recorder.streams())[left].port == 0, 10, "the end of his stream")
        self.assertIsNone(recorder.label_of("1001"))
        self.assertEqual(len(recorder.metadata.findall(".//r:disassociate-time", NS)), 1)
        self.assertTrue(recorder.hears("1002", 620))
        # His place is the next one's.
        three = self.enter("1003", "3020", 850)
        until(lambda: recorder.label_of("1003") == left, 10, "his stream")
        versions = [int(re.search(r"o=- \d+ (\d+)", recorder.parts(i)["application/sdp"][1]).group(1)) for i in recorder.invites]
        self.assertEqual(versions, sorted(set(versions)))
        two.hangup()
        three.hangup()
        until(lambda: recorder.ended == 1, what="the end of the recording session")

    def test_a_server_that_refuses_stops_no_conference(self):
        self.recorder.status = 503
        self.room("3021")
        mark = self.server.mark()
        one, two = self.enter("1001", "3021", 440), self.enter("1002", "3021", 620)
        self.server.wait_log("unrecorded session=", 10, mark)
        self.assertTrue(one.hears(620, timeout=10) and two.hears(440))
        one.hangup()
        two.hangup()

    def silent(self, label, other):
        """Nothing comes on the one while the other goes on."""
        media = self.recorder.media
        before, since = len(media[label].packets), len(media[other].packets)
        until(lambda: len(media[other].packets) > since + 25, what="the other stream")
        return len(media[label].packets) - before <= 2  # were on their way

    def test_the_server_pauses_refuses_and_resumes(self):
        """RFC 7866 §7.2, RFC 3264 §8."""
        recorder = self.recorder
        self.room("3022")
        one, two = self.enter("1001", "3022", 440), self.enter("1002", "3022", 620)
        until(lambda: recorder.hears("1001", 440) and recorder.hears("1002", 620), 15, "both streams")
        label, other = recorder.label_of("1001"), recorder.label_of("1002")
        answer = recorder.offer(recorder.write({label: "inactive"}, ["m=video 50000 RTP/AVP 99", "a=rtpmap:99 H264/90000"]))
        self.assertEqual(answer.status, 200)
        self.assertEqual([(name, s.direction, bool(s.port)) for name, s in recorder.streams(answer.body.partition("m=video")[0])],
                         [(name, "inactive" if name == label else "sendonly", True) for name in sorted((label, other))])
        self.assertIn("m=video 0 RTP/AVP 99", answer.body)
        self.assertTrue(self.silent(label, other))
        # Without an offer of its own it gets ours.
        answer = recorder.offer("")
        self.assertEqual((answer.status, [s.direction for _, s in recorder.streams()]), (200, ["sendonly", "sendonly"]))
        until(lambda: recorder.hears("1001", 440) and recorder.hears("1002", 620), 15, "both streams again")
        # It may refuse in an answer what it has taken before, here with the one to somebody's coming.
        recorder.refused = {label}
        three = self.enter("1003", "3022", 850)
        until(lambda: recorder.hears("1003", 850), 15, "the third stream")
        self.assertTrue(self.silent(label, other))
        self.assertEqual(recorder.offer("v=0\r\n").status, 488)
        recorder.refused = set()
        self.assertEqual(recorder.offer(recorder.write()).status, 200)
        until(lambda: recorder.hears("1001", 440), 15, "the first stream")
        for call in (one, two, three):
            call.hangup()
        until(lambda: recorder.ended == 1, what="the end of the recording session")

    def test_a_server_that_ends_it_is_called_again(self):
        """And challenges each offer, with a nonce that is good for one."""
        recorder = self.recorder
        recorder.status = 401
        self.room("3023")
        one = self.enter("1001", "3023", 440)
        until(lambda: recorder.hears("1001", 440), 15, "the stream")
        two = self.enter("1002", "3023", 620)
        until(lambda: recorder.hears("1002", 620), 15, "the stream that was offered later")
        self.assertGreaterEqual(recorder.challenges, 2)
        first, mark = recorder.dialog.get("Call-ID"), self.server.mark()
        recorder.request("BYE")
        self.server.wait_log("unrecorded session=", 10, mark)
        for media in recorder.media.values():
            media.close()
        recorder.media = {}
        until(lambda: recorder.dialog.get("Call-ID") != first and recorder.hears("1001", 440), 20, "the next recording session")
        # Who stops the server ends it.
        self.server.stop()
        until(lambda: recorder.ended == 1, what="its end")


if __name__ == "__main__":
    unittest.main()
