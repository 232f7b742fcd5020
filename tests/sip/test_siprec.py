"""A room that is exported to a session recording server (RFC 7866): a stream for each who speaks, and who is who."""
import re
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

import sound
from harness import Scenario, until
from media import Media
from message import Sdp, token
from wire import Wire

NS = {"r": "urn:ietf:params:xml:ns:recording:1"}


class RecordingServer:
    """An SRS: takes every offer, and keeps what comes on each stream by its label."""

    def __init__(self, server):
        self.wire = Wire(server, "127.0.0.3")
        self.wire.answer = self.answer
        self.status = 200
        self.invites, self.ended, self.metadata, self.sdp = [], 0, None, ""
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
        if self.status != 200:
            return Wire.reply(request, self.status)
        parts = self.parts(request)
        self.sdp = parts["application/sdp"][1]
        self.metadata = ElementTree.fromstring(parts["application/rs-metadata+xml"][1])
        self.disposition = parts["application/rs-metadata+xml"][0]
        lines = ["v=0", "o=srs 1 %d IN IP4 127.0.0.3" % len(self.invites), "s=-", "c=IN IP4 127.0.0.3", "t=0 0"]
        for label, stream in self.streams():
            if stream.port and label not in self.media:
                self.media[label] = Media("127.0.0.3")
                self.media[label].use(stream, ["PCMU"])
            lines += ["m=audio %d RTP/AVP 0" % (self.media[label].port if stream.port else 0), "a=recvonly", "a=label:" + label]
        return Wire.reply(request, 200, [("Contact", "<%s>" % self.uri), ("Content-Type", "application/sdp")],
                          "\r\n".join(lines) + "\r\n")

    def streams(self):
        """(label, its part of the SDP) in order."""
        head, *media = self.sdp.split("m=audio ")
        return [(re.search(r"a=label:(\S+)", m).group(1), Sdp(head + "m=audio " + m)) for m in media]

    def label_of(self, user):
        """Of the stream that a participant sends, as the metadata say; None: he has none."""
        for participant in self.metadata.findall("r:participant", NS):
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


if __name__ == "__main__":
    unittest.main()
