"""Damaged SIP, RTP, settings and URIs against the real daemon, which must live through all of it and forget it.

FUZZ_SECONDS (default 15) is the time of all tests together, FUZZ_SEED (default: fixed) the chance they follow. A failure prints the
seed, and keeps the last things sent in a file that it names: each as its length in decimal, a newline, and its bytes.
"""
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sip"))

import mutate  # noqa: E402
from harness import CONFABD, PLAN, SLOW, until  # noqa: E402
from message import Message, sdp_write, token, uri_of  # noqa: E402
from test_torture import PEER, STRANGER, Torture  # noqa: E402
from torture import CASES, ECHO, Sender, message  # noqa: E402
from wire import Wire  # noqa: E402

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 15)
SEED = int(os.environ.get("FUZZ_SEED") or 3261)
HTTP_PORT = 8080
BATCH = 25       # messages between two probes
KEPT = 4 * BATCH


class Fuzz(Torture):
    """`share` of SECONDS a test; messages are counted by chance alone, so a slow machine tries fewer of the same."""

    def setUp(self):
        super().setUp()
        self.chance = random.Random("%d %s" % (SEED, self.id()))
        self.sent, self.count = [], 0
        self.addCleanup(self.tell)

    def tell(self):
        if any(test is self for test, _ in self._outcome.result.failures + self._outcome.result.errors):
            with tempfile.NamedTemporaryFile(prefix="confab-fuzz-", delete=False) as keep:
                for data in self.sent[-KEPT:]:
                    keep.write(b"%d\n" % len(data) + data + b"\n")
            print("FUZZ_SEED=%d after %d; the last ones sent: %s" % (SEED, self.count, keep.name), flush=True)

    def rounds(self, share):
        end = time.monotonic() + SECONDS * share
        while time.monotonic() < end:
            yield

    def note(self, data):
        self.sent.append(data)
        self.count += 1
        if len(self.sent) > 4 * KEPT:
            del self.sent[:-KEPT]
        return data

    def damage(self, data):
        return self.note(mutate.relength(self.chance, mutate.text(self.chance, data)))

    def finish(self):
        print("%d tried" % self.count, flush=True)
        self.assert_sound()


class TestMessages(Fuzz):
    def requests(self, sender):
        """What is damaged: the torture tests' messages, and good ones of each kind."""
        choose = self.chance.random()
        if choose < 0.4:
            return self.chance.choice(CASES).make(sender)
        uri = self.chance.choice((ECHO, "sip:1001@{server}", "sip:3001@{server}", "sip:7000@{server};target=sip:1002%40x;cause=486", "sip:5000@{server}",
                                  "sip:conf=a@{server}", "sip:annc@{server};play=digits/1;repeat=2;delay=100;duration=1000", "sip:*991003@{server}"))
        if choose < 0.7:
            return message(sender, "INVITE", uri, Supported="timer, path, 100rel", Session_Expires="1800;refresher=uac", Min_SE="90",
                           Diversion="\"A\" <sip:1001@h>;reason=no-answer;counter=1", Allow="INVITE, UPDATE", Privacy="id",
                           History_Info="<sip:1001@h?Reason=SIP%3Bcause%3D486>;index=1, <sip:7000@h;cause=408>;index=1.1",
                           P_Asserted_Identity="\"A\" <sip:1003@h>", Record_Route="<sip:{local};lr>",
                           body=sdp_write("127.0.0.2", 40000, ["opus", "PCMU", "PCMA", "G722"], extra=["a=rtcp:40001", "a=maxptime:60"]))
        if choose < 0.85:
            return message(sender, "REGISTER", To="<sip:1001@{server}>", From="<sip:1001@{server}>;tag={tag}", Expires="60",
                           Contact=["<sip:1001@{local};transport=udp>;q=0.5;+sip.instance=\"<urn:uuid:1>\";expires=70", "<sip:b@{local}>"],
                           Path="<sip:{local};lr>", Supported="path",
                           Authorization="Digest username=\"1001\",realm=\"confab\",nonce=\"0123\",uri=\"sip:{server}\",response=\"%s\","
                           "algorithm=SHA-256,qop=auth,nc=00000001,cnonce=\"ab\",opaque=\"\"" % ("0f" * 32))
        return message(sender, "SUBSCRIBE", "sip:1001@{server}", Event="message-summary;id=4", Expires="0", Accept="application/simple-message-summary")

    def shoot(self, transport, share):
        for _ in self.rounds(share):
            wire = Wire(self.server.address, self.chance.choice((PEER, PEER, STRANGER)), transport)
            try:
                for _ in range(BATCH):
                    if wire.closed:
                        wire.open()
                    wire.send(self.damage(self.requests(Sender(self.server.address, wire.address, transport))))
                    wire.drain()
                if transport == "tcp":
                    wire.open()
                wire.probe()
                wire.drain(0.02)
                wire.hang_up()
                wire.drain(0.02)
            finally:
                wire.close()
        self.finish()

    def test_by_udp(self):
        self.shoot("udp", 0.25)

    def test_by_tcp(self):
        self.shoot("tcp", 0.1)


class TestDialogs(Fuzz):
    """Requests within calls, and responses to the INVITEs that we send."""

    def test_within_a_call(self):
        for _ in self.rounds(0.2):
            wire = Wire(self.server.address, PEER, "udp")
            sender = Sender(self.server.address, wire.address, "udp")
            try:
                wire.ask(message(sender, "INVITE", self.chance.choice((ECHO, "sip:3005@{server}", "sip:5000@{server}"))), (sender.call_id,))
                answer = wire.final()[0] if wire.final() else None
                if answer is None or answer.status != 200:
                    continue
                wire.send(wire.follow(answer, "ACK", "1"))
                for number in range(2, 12):
                    wire.send(self.damage(self.within(wire, answer, number)))
                    wire.drain(0.002)
                wire.send(wire.follow(answer, "BYE", "4000"))
                wire.drain(0.05)
                wire.hang_up()
                wire.probe()
            finally:
                wire.close()
        self.finish()

    def within(self, wire, answer, number):
        method, kind, body = self.chance.choice((
            ("INVITE", "application/sdp", sdp_write("127.0.0.2", 40002, ["PCMA"], number, "sendonly")), ("INVITE", None, ""),
            ("UPDATE", "application/sdp", sdp_write("127.0.0.2", 40004, ["PCMU", "opus"], number)), ("UPDATE", None, ""),
            ("INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), ("INFO", "application/dtmf", "#"), ("OPTIONS", None, ""),
            ("ACK", "application/sdp", sdp_write("127.0.0.2", 40006, ["PCMU"])), ("PRACK", None, ""), ("REFER", None, ""), ("BYE", None, ""),
            ("CANCEL", None, "")))
        base = Message.parse(wire.follow(answer, method, str(number)))
        more = [("Session-Expires", "90;refresher=uas"), ("Supported", "timer"), ("Contact", "<sip:x@%s>" % wire.address), ("RAck", "1 1 INVITE"),
                ("Refer-To", "<sip:1002@x?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"), ("Reason", "SIP;cause=200;text=\"x\"")]
        if kind:
            more.append(("Content-Type", kind))
        headers = [h for h in base.headers if h[0] != "Content-Length"]
        return Message(base.start, headers + more, body).encode()

    def test_responses(self):
        """A phone that answers with damage. The binding is written as if it had registered."""
        phone = Wire(self.server.address, STRANGER, "udp")
        caller = Wire(self.server.address, PEER, "udp")
        self.addCleanup(phone.close)
        self.addCleanup(caller.close)
        self.server.psql("insert into binding (subscriber, contact, call_id, cseq, expires) values ('1002', 'sip:1002@%s', 'x', 1, "
                         "now() + interval '1 hour')" % phone.address)
        phone.answer = self.respond
        for _ in self.rounds(0.2):
            sender = Sender(self.server.address, caller.address, "udp")
            caller.responses = []
            caller.send(message(sender, "INVITE", "sip:1002@{server}"))
            for _ in range(6):
                phone.drain(0.02)
                caller.drain()
                if caller.final():
                    break
            if not caller.final():
                caller.send(message(sender, "CANCEL", "sip:1002@{server}"))
            phone.drain(0.02)
            caller.drain(0.02)
            caller.hang_up()
            phone.drain()
            if self.chance.random() < 0.1:
                caller.probe()
        phone.answer = None
        for _ in range(20):
            phone.drain(0.05)
        self.server.psql("delete from binding")
        caller.probe()
        self.finish()

    def respond(self, request):
        if request.method != "INVITE":
            return Wire.reply(request, 200)
        status = self.chance.choice((100, 180, 183, 183, 200, 200, 200, 200, 202, 302, 300, 401, 407, 404, 422, 423, 481, 486, 491, 500, 503, 603, 699))
        headers = [("Contact", "<sip:1002@%s:5070;transport=udp>;expires=5" % STRANGER), ("Allow", "INVITE, UPDATE, BYE"), ("Require", "timer"),
                   ("Session-Expires", "1800;refresher=uas"), ("Min-SE", "1900"), ("Retry-After", "5 (busy)"), ("Record-Route", "<sip:%s;lr>" % STRANGER),
                   ("WWW-Authenticate", "Digest realm=\"x\",nonce=\"1\""), ("Reason", "Q.850;cause=17")]
        self.chance.shuffle(headers)
        headers = headers[:self.chance.randrange(len(headers) + 1)]
        offer = request.body or ""
        body = self.chance.choice((sdp_write(STRANGER, 40010, ["PCMU"]), sdp_write(STRANGER, 40010, ["opus", "PCMA"]), offer, ""))
        if body:
            headers.append(("Content-Type", "application/sdp"))
        good = Wire.reply(request, status, headers, body)
        if self.chance.random() < 0.3:
            return self.note(good)
        if self.chance.random() < 0.5:  # the body alone, so that what carries it stays a response to us
            head, blank, rest = good.partition(b"\r\n\r\n")
            return self.note(mutate.relength(self.chance, head + blank + mutate.text(self.chance, rest or b"v=0\r\n")))
        return self.damage(good)


class TestMedia(Fuzz):
    def packets(self):
        """Good RTP of the codecs, telephone-events and RTCP, as seeds."""
        self.sequence = getattr(self, "sequence", 0) + 1
        kind, ssrc = self.chance.randrange(10), self.chance.choice((1, 1, 1, 2, self.chance.randrange(2 ** 32)))
        head = (self.sequence % 65536, self.sequence * 160 % 2 ** 32, ssrc)
        if kind < 4:
            pt, payload = self.chance.choice(((0, b"\xff" * 160), (8, b"\xd5" * 160), (9, b"\x7f" * 160), (13, b"\x40"), (0, b""), (96, b"\x48\x03\xff\xfe"),
                                              (96, b"\x7b\x41\x10" + bytes(200)), (101, b"")))
            return struct.pack("!BBHII", 0x80, pt, *head) + payload
        if kind < 6:
            return struct.pack("!BBHIIBBH", 0x80, 101 | self.chance.choice((0, 128)), *head, self.chance.randrange(256), self.chance.choice((10, 138)),
                               self.chance.choice((160, 800, 65535)))
        if kind < 7:  # with extension, CSRCs and padding
            return struct.pack("!BBHIIIHHI", 0xb1, 0, *head, 7, 0xbede, 1, 0x10ff0000) + b"\xff" * 156 + b"\0\0\0\4"
        sender = struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, self.chance.randrange(2 ** 32), 0, 0, 5, 800)
        report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, ssrc, 1, 0x01000005, 65540, 9, 0x12345678, 0x10000)
        source = struct.pack("!BBHI", 0x81, 202, 3, ssrc) + b"\1\4name\0\0"
        bye = struct.pack("!BBHI", 0x81, 203, 2, ssrc) + b"\3bye"
        feedback = struct.pack("!BBHII", 0x81, 206, 2, ssrc, 1)
        return self.chance.choice((sender, report)) + b"".join(self.chance.sample((source, bye, feedback, report), 2))

    def test_packets(self):
        phone = self.phone("1001", registered=True)
        calls = [phone.invite(number, codecs=codecs).wait_answered() for number, codecs in (
            ("9196", ["PCMU"]), ("3007", ["PCMA"]), ("3007", ["opus", "PCMU"]), ("9196", ["G722"]), ("9196", ["opus"]), ("3007", ["G722"]), ("5000", ["PCMU"]))]
        for _ in self.rounds(0.2):
            for call in calls:
                if call.ended or call.media.remote is None:
                    continue
                for _ in range(8):
                    good = self.packets()
                    data = self.note(good if self.chance.random() < 0.2 else mutate.packet(self.chance, good))
                    host, port = call.media.remote
                    to_rtcp = good[1] in range(200, 207) and self.chance.random() < 0.8
                    (call.media.rtcp if to_rtcp else call.media.rtp).sendto(data, (host, port + to_rtcp))
            time.sleep(0.004)
        self.assertEqual(phone.request("OPTIONS", "sip:" + self.server.address).status, 200)
        for call in calls:
            call.hangup()
        self.finish()


class TestHttp(Fuzz):
    """Requests of the HTTP API, with an administrator's token: whatever comes is answered, or the connection closed."""

    SETTINGS = "http { port = %d requests_per_minute = 0 }" % HTTP_PORT
    TOKEN = "00112233445566778899aabbccddeeff"

    def request(self):
        path, body = self.chance.choice((
            ("GET /api/v1/status", None), ("GET /api/v1/cdrs?limit=2&after=x&number=1001", None), ("GET /api/v1/rooms/conf%3Da/members/1", None),
            ("PATCH /api/v1/rooms/3001", '{"locked": true, "recording": "off"}'), ("DELETE /api/v1/rooms/3001/members/1?ban_minutes=5", None),
            ("PATCH /api/v1/rooms/3001/members/2", '{"muted": false, "talk_gain": -3, "role": "host"}'),
            ("POST /api/v1/rooms/3001/acts", '{"act": "break-out", "value": 2, "text": "x", "member": 1}'),
            ("POST /api/v1/session", '{"mailbox": "1001", "pin": "739146"}'), ("POST /api/v1/calls", '{"user": "1009", "number": "9196"}'),
            ("GET /api/v1/mailboxes/1001/messages?folder=trash", None), ("OPTIONS /api/v1/calls", None), ("HEAD /metrics", None),
            ("PATCH /api/v1/mailboxes/1001/messages/00000000-0000-4000-8000-000000000000", '{"heard": true, "version": 1}'),
            ("GET /api/v1/calls/0123456789abcdef/trace?after=1", None)))
        lines = [path + " HTTP/1.1", "Host: a", "Authorization: Bearer " + self.TOKEN, "Cookie: confab-session=ab", "Origin: http://a",
                 "Range: bytes=0-9", "Connection: close"]
        if body:
            lines += ["Content-Type: application/json", "Content-Length: %d" % len(body)]
        return ("\r\n".join(lines) + "\r\n\r\n" + (body or "")).encode()

    def send(self, data, patience=0.2):
        """The answer's beginning; to what promises more than it has there is none."""
        with socket.create_connection((self.server.address, HTTP_PORT), 10 * SLOW) as connection:
            try:
                connection.sendall(data)
                connection.settimeout(patience)
                return connection.recv(65536)
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                return b""

    def test_requests(self):
        self.server.psql("insert into token (name, sha256, role) values ('fuzz', sha256('%s'), 'admin') on conflict do nothing" % self.TOKEN)
        call = self.phone("1001", registered=True).invite("3001").wait_answered()
        for _ in self.rounds(0.15):
            for _ in range(BATCH):
                self.send(self.note(mutate.text(self.chance, self.request())))
            self.assertIn(b" 200 ", self.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 10 * SLOW))
            if call.ended:
                call = self.phone("1001", registered=True).invite("3001").wait_answered()
        call.hangup()
        self.finish()


class TestSettings(Fuzz):
    def test_check(self):
        """confabd --check says yes or no and ends, whatever the file."""
        good = self.server.config.read_bytes() + PLAN.encode() + (
            b'sip { registration_min = 60 session_expires = 1800 ring = 20 }\nmedia { codecs = {"opus", "PCMU"} rtp_port_low = 20000 address4 = "10.0.0.1" }\n'
            b'limits { calls = 3 }\nlog { level = "debug" }\npeer "x" { address = {"10.0.0.0/8", "::1"} uri = "sip:x;transport=udp" }\n')
        file = self.server.folder / "damaged.conf"
        for _ in self.rounds(0.15):
            data = self.note(mutate.text(self.chance, good.replace(b"\n", b"\r\n")).replace(b"\r\n", b"\n"))
            if b"include" in data:
                continue
            file.write_bytes(data)
            done = subprocess.run([str(CONFABD), "--check", "-c", str(file)], capture_output=True, timeout=10 * SLOW)
            self.assertIn(done.returncode, (0, 1, 2), done.stderr[-3000:])
            self.assertNotIn(b"Sanitizer", done.stderr)
        print("%d tried" % self.count, flush=True)
