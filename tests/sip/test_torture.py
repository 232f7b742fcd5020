"""What no sane client sends (RFC 4475, RFC 5118), by UDP and TCP, from strangers and from the trusted peer; and streams cut anywhere."""
import os
import random
import re
import time

from harness import Scenario, until
from torture import CASES, ECHO, Sender, message
from wire import Wire

# What Sofia keeps for a request of its own to a peer that cannot be reached it does not give back when the daemon stops just
# then. The sanitizer would tell of it at the exit; the other scenarios still look for leaks.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))

PEER = "127.0.0.2"
STRANGER = "127.0.0.9"


class Torture(Scenario):
    SETTINGS = "limits { calls_a_second = 100000 }\nmedia { rtp_timeout = 10 }"

    def wire(self, local, transport):
        wire = Wire(self.server.address, local, transport)
        self.addCleanup(wire.close)
        return wire

    def assert_sound(self):
        """The daemon lives, its people can register and call, and no call of the test is left."""
        self.assertIsNone(self.server.process.poll(), self.server.log()[-4000:])
        phone = self.phone("1001", registered=True)
        call = phone.invite("9196", tone=440).wait_answered()
        self.assertTrue(call.hears(440))
        call.hangup()
        try:
            until(lambda: not self.calls_left(), 75, "the end of all calls")  # 64*T1 for an ACK, or rtp_timeout
        except AssertionError:
            log = self.server.log()
            self.fail("\n".join(line for line in log.splitlines() if any("=" + c + " " in line for c in self.calls_left())))

    def calls_left(self):
        """Each call writes a line when it starts and one when it ends."""
        log = self.server.log()
        started, ended = (set(re.findall(r"call=(\S+) %s " % word, log)) for word in ("start", "end"))
        return started - ended


class TestMessages(Torture):
    def try_all(self, local, transport):
        faults = []
        wire = self.wire(local, transport)
        for case in CASES:
            allowed = case.peer if local == PEER else case.stranger
            if transport == "tcp":
                wire.open()  # one that is answered with 400 is closed at once
            sender = Sender(self.server.address, wire.address, transport)
            data = case.make(sender)
            if transport == "tcp" and case.name == "length_too_long":
                continue  # is waited for, as it must be
            statuses = wire.ask(data, (sender.call_id, sender.branch), 0 not in allowed)
            if statuses[-1] not in allowed:
                faults.append("%s (RFC %s): got %s, wanted one of %s" % (case.name, case.section, statuses, sorted(allowed)))
            wire.hang_up()
            if 0 in allowed or statuses[-1] == 0:
                try:
                    if transport == "tcp":
                        wire.open()
                    wire.probe()
                except AssertionError as error:
                    self.fail("after %s: %s" % (case.name, error))
        self.assertFalse(faults, "\n" + "\n".join(faults))
        self.assert_sound()

    def test_strangers_by_udp(self):
        self.try_all(STRANGER, "udp")

    def test_strangers_by_tcp(self):
        self.try_all(STRANGER, "tcp")

    def test_the_peer_by_udp(self):
        self.try_all(PEER, "udp")

    def test_the_peer_by_tcp(self):
        self.try_all(PEER, "tcp")

    def test_a_good_digest_over_an_odd_uri(self):
        """RFC 7616 section 3.4.6: the digest's uri is the client's word, and may be none at all."""
        for uri in ("", "%", "x", "sip:", "*", "sip:@:", "sip:" + "a" * 500):
            phone = self.phone("1001")
            target = "sip:" + self.server.address
            first = phone.request("REGISTER", target, authenticate=False, to="<sip:1001@%s>" % self.server.address)
            name, value = phone.authorize(first, "REGISTER", uri)
            again = phone.request("REGISTER", target, [(name, value)], authenticate=False, to="<sip:1001@%s>" % self.server.address)
            self.assertIn(again.status, (200, 400, 401), uri)
        self.assert_sound()


class TestStreams(Torture):
    def sender(self, wire):
        return Sender(self.server.address, wire.address, "tcp")

    def options(self, wire):
        sender = self.sender(wire)
        return sender, message(sender)

    def test_a_message_cut_anywhere_is_put_together(self):
        """RFC 3261 section 18.3: Content-Length alone says where a message ends."""
        wire = self.wire(PEER, "tcp")
        sender = self.sender(wire)
        data = message(sender, "INVITE", ECHO)
        for byte in data[:-1]:
            wire.send(bytes([byte]))
            time.sleep(0.0002)
        self.assertEqual(wire.ask(data[-1:], (sender.call_id,))[-1], 200)
        wire.hang_up()
        for cut in range(1, 250, 13):
            sender, data = self.options(wire)
            wire.send(data[:cut])
            time.sleep(0.002)
            self.assertEqual(wire.ask(data[cut:], (sender.call_id,))[-1], 200, cut)
        self.assert_sound()

    def test_many_messages_in_one_segment(self):
        """RFC 3261 section 7.5: empty lines before a start line are nothing; neither is a keep-alive (RFC 5626 section 3.5.1)."""
        wire = self.wire(STRANGER, "tcp")
        senders, stream = [], b""
        for _ in range(60):
            sender, data = self.options(wire)
            senders.append(sender)
            stream += b"\r\n\r\n" * (len(senders) % 3) + data
        wire.send(stream)
        until(lambda: wire.drain(0.05) or len(wire.responses) >= len(senders), 10, "an answer to each")
        self.assertEqual({r.get("Call-ID") for r in wire.responses}, {s.call_id for s in senders})
        self.assert_sound()

    def test_keep_alives(self):
        for transport in ("udp", "tcp"):
            wire = self.wire(STRANGER, transport)
            for data in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"\r\n\r\n\r\n\r\n" * 50):
                if transport == "udp" or data.strip(b"\0"):
                    wire.send(data)
            wire.probe()

    def test_garbage(self):
        chance = random.Random(4475)
        for transport in ("udp", "tcp"):
            for size in (1, 7, 20, 100, 1400, 20000):
                for alphabet in (range(256), b"\r\n :;,", b"SIP/2.0 \r\n", [0], b"a"):
                    wire = self.wire(chance.choice([STRANGER, PEER]), transport)
                    wire.send(bytes(chance.choice(alphabet) for _ in range(size)))
                    wire.close()
        # STUN, which shares the port by RFC 5626: a binding request, one with a lying length, one with a lying attribute.
        for stun in ("000100002112a442" + "00" * 12, "0001ffff2112a442" + "00" * 12, "000100082112a442" + "00" * 12 + "0006ffff41424344"):
            wire = self.wire(STRANGER, "udp")
            wire.send(bytes.fromhex(stun))
        self.wire(STRANGER, "udp").probe()
        self.wire(STRANGER, "tcp").probe()
        self.assert_sound()

    def test_half_a_message_and_gone(self):
        wire = self.wire(PEER, "tcp")
        for cut in list(range(1, 500, 29)) + [-1]:
            wire.open()
            wire.send(message(self.sender(wire), "INVITE", ECHO)[:cut])
        wire.open()
        wire.probe()
        self.assert_sound()

    def test_a_caller_gone_before_the_answer(self):
        """The 200 has nowhere to go: RFC 3261 section 18.2.2 lets it try the Via's address, and no ACK will come."""
        wire = self.wire(PEER, "tcp")
        for _ in range(5):
            wire.open()
            wire.send(message(self.sender(wire), "INVITE", ECHO))
        wire.open()
        wire.probe()
        self.assert_sound()

    def test_no_content_length_in_a_stream(self):
        """RFC 3261 section 20.14 demands it there: whatever is made of it, the next connection works."""
        wire = self.wire(STRANGER, "tcp")
        wire.ask(message(self.sender(wire), without=("Content-Length",)), final=False)
        wire.open()
        wire.probe()
