"""RTP of one call: sends a sine (or silence, or DTMF), keeps what comes. PCMU and PCMA; any other payload is only counted,
and where another codec was agreed nothing but DTMF is sent."""
import array
import functools
import os
import select
import socket
import struct
import threading
import time

import sound

EVENTS = "0123456789*#ABCD"


@functools.lru_cache(maxsize=4096)
def _tone_payload(codec, hz, db, start):
    """20 ms of a tone. After a second a whole number of Hz is where it began: there are but 50 of them."""
    return sound.encode(codec, sound.sine(hz, 0.02, 8000, db, start))


class Media:
    """One RTP and one RTCP socket and the thread that serves them, every 20 ms.

    `tone`: frequency that is sent, None for silence; may be changed at any time. say() sends tones of exact lengths before it.
    `sending`: False stops the packets. `lose`: so many of the next ones get lost on their way.
    `via`: gives the address to send to instead of the SDP's (relay.py).
    `packets`: what came: (time, payload type, sequence, timestamp, marker, ssrc, payload). `digits`: RFC 4733 digits that came.
    `sources`: of each of these packets: (CSRC list, {identifier: bytes} of its header extension). `extmaps`: the identifiers
    of the header extensions that were negotiated, by name; with ssrc-audio-level the phone tells its level: the truth, or
    `level`.
    """

    def __init__(self, address):
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.rtp, self.rtcp = self._sockets(address)
        self.port = self.rtp.getsockname()[1]
        self.remote = self.via = None
        self.codec, self.pt, self.event_pt = "PCMU", 0, 101
        self.step = self.event_step = 160  # of the RTP clock, and of that of digits, in 20 ms
        self.names = {0: "PCMU", 8: "PCMA"}
        self.tone, self.sending, self.db = None, False, -12.0
        self.packets, self.digits, self.reports = [], "", 0
        self.sources, self.extmaps, self.level = [], {}, None
        self.sent = self.lose = 0
        self.machine = None  # a fax machine (fax.py) that speaks and hears in place of the phone
        self._pending = []  # digits to send: [(event, ms)]
        self._words = []    # of say(): [[hz, packets left]]
        self._lock = threading.Lock()
        self._ssrc, self._sequence = struct.unpack("!IH", os.urandom(6))
        self._timestamp, self._phase = 0, 0
        self._event_seen = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _sockets(self, address):
        while True:
            rtp = socket.socket(self.family, socket.SOCK_DGRAM)
            rtp.bind((address, 0))
            port = rtp.getsockname()[1]
            rtcp = socket.socket(self.family, socket.SOCK_DGRAM)
            try:
                if port % 2 == 0:
                    rtcp.bind((address, port + 1))
                    return rtp, rtcp
            except OSError:
                pass
            rtp.close()
            rtcp.close()

    def use(self, sdp, codecs):
        """Sends to where the SDP says, with its first codec that we speak."""
        self.names = dict(sdp.names)
        for number in sdp.types:
            if sdp.names.get(number) in codecs:
                self.codec, self.pt = sdp.names[number], number
                break
        self.event_pt = sdp.type_of("telephone-event")
        self.step, self.event_step = (sdp.clocks.get(pt, 8000) // 50 for pt in (self.pt, self.event_pt))
        self.extmaps = dict(sdp.extmaps)
        port = sdp.port or sdp.image
        self.remote = (sdp.address, port) if port and sdp.address not in ("0.0.0.0", "::") else None
        if self.remote and self.via:
            self.remote = self.via(self.remote)
        self.sending = self.remote is not None and sdp.direction in ("sendrecv", "recvonly")

    def send_digit(self, digit, ms=100):
        with self._lock:
            self._pending.append((EVENTS.index(digit), ms))

    def digits_pending(self):
        with self._lock:
            return len(self._pending)

    def say(self, tones):
        """Sends [(hz, seconds)], counted in packets: on a busy machine a sleep is longer than was asked for."""
        with self._lock:
            self._words += [[hz, round(seconds * 50)] for hz, seconds in tones]

    def saying(self):
        with self._lock:
            return bool(self._words)

    def _pitch(self):
        """Of the next packet."""
        with self._lock:
            if not self._words:
                return self.tone or 0
            word = self._words[0]
            word[1] -= 1
            if word[1] == 0:
                self._words.pop(0)
            return word[0]

    def close(self):
        self._closed = True
        self._thread.join(2)
        self.rtp.close()
        self.rtcp.close()

    # -- what was heard ----------------------------------------------------------------------------------------------

    def samples(self, since=0.0, until=None):
        """What came between two moments of time.monotonic(), put together by RTP time; gaps of up to 1 s are silence."""
        with self._lock:
            packets = [p for p in self.packets if p[0] >= since and (until is None or p[0] <= until)]
        out, base, at = array.array("h"), None, 0
        for _, pt, _, timestamp, _, ssrc, payload in packets:
            name = self.names.get(pt)
            if name not in ("PCMU", "PCMA"):
                continue
            if base is None or base[0] != ssrc or not -8000 < self._ahead(timestamp, base[1]) - (len(out) - base[2]) < 8000:
                base = (ssrc, timestamp, len(out))
            at = base[2] + self._ahead(timestamp, base[1])
            if at < 0:
                continue
            piece = sound.decode(name, payload)
            if at > len(out):
                out.frombytes(bytes(2 * (at - len(out))))
            out[at:at + len(piece)] = piece
        return out.tolist()

    @staticmethod
    def _ahead(timestamp, base):
        return (timestamp - base + 2 ** 31) % 2 ** 32 - 2 ** 31

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self):
        due = time.monotonic()
        event = None  # (code, ms left, duration so far, timestamp, ends left)
        while not self._closed:
            due += 0.02
            while True:
                wait = due - time.monotonic()
                ready, _, _ = select.select([self.rtp, self.rtcp], [], [], max(wait, 0))
                for s in ready:
                    self._receive(s)
                if wait <= 0:
                    break
            if due < time.monotonic() - 0.5:
                due = time.monotonic()  # the machine slept: do not send a burst
            event = self._send(event)
            self._timestamp = (self._timestamp + self.step) % 2 ** 32

    def _send(self, event):
        if event is None:
            with self._lock:
                if self._pending and self.remote and self.event_pt is not None:
                    code, ms = self._pending[0]
                    event = [code, ms * self.event_step // 20, 0, self._timestamp, 3]
        if self.machine and self.remote:
            self.machine.step(self)
            return None
        if not self.sending or self.remote is None:
            return event
        if event is None and self.codec not in ("PCMU", "PCMA"):
            return None
        if event is None:
            payload = _tone_payload(self.codec, self._pitch(), self.db, self._phase)
            self._phase = (self._phase + 160) % 8000
            self._packet(self.pt, self._timestamp, payload, self.sent == 0)
            return None
        event[2] = min(event[2] + self.event_step, event[1])
        end = event[2] >= event[1]
        payload = struct.pack("!BBH", event[0], (0x80 if end else 0) | 10, event[2])
        self._packet(self.event_pt, event[3], payload, event[2] == self.event_step)
        if end:
            event[4] -= 1  # the end is sent three times (RFC 4733 section 2.5.1.4)
            if event[4] == 0:
                with self._lock:
                    self._pending.pop(0)
                return None
        return event

    def _packet(self, pt, timestamp, payload, marker):
        extension = self._extension()
        head = struct.pack("!BBHII", 0x90 if extension else 0x80, pt | (0x80 if marker else 0), self._sequence, timestamp,
                           self._ssrc) + extension
        self._sequence = (self._sequence + 1) % 2 ** 16
        self.sent += 1
        if self.lose > 0:
            self.lose -= 1
            return
        remote = self.remote  # an answer may take it away at any moment
        try:
            if remote:
                self.rtp.sendto(head + payload, remote)
        except OSError:
            pass  # nobody there: as on a real network

    def _extension(self):
        """Our level (RFC 6464) in a one-byte header (RFC 8285), where the far side knows it."""
        number = self.extmaps.get("ssrc-audio-level")
        if number is None:
            return b""
        level = self.level
        if level is None:  # a sine has 3 dB less than its peak
            level = 127 if self.tone is None else round(3 - self.db)
        voice = 0x80 if level < 60 else 0
        return struct.pack("!HHBBH", 0xBEDE, 1, number << 4, voice | level, 0)

    @staticmethod
    def _elements(data):
        """{identifier: bytes} of an extension with one-byte headers."""
        out, at = {}, 0
        while at < len(data):
            if data[at] == 0:
                at += 1
                continue
            length = (data[at] & 15) + 1
            out[data[at] >> 4] = data[at + 1:at + 1 + length]
            at += 1 + length
        return out

    def _receive(self, s):
        data = s.recv(4096)
        if s is self.rtcp:
            self.reports += 1
            return
        if self.machine and self.machine.takes(data):
            return
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        first, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
        csrcs, payload, elements = struct.unpack_from("!%dI" % (first & 15), data, 12), data[12 + 4 * (first & 15):], {}
        if first & 0x10:
            profile, words = struct.unpack("!HH", payload[:4])
            elements = self._elements(payload[4:4 + 4 * words]) if profile == 0xBEDE else {}
            payload = payload[4 + 4 * words:]
        with self._lock:
            self.sources.append((csrcs, elements))
            self.packets.append((time.monotonic(), second & 127, sequence, timestamp, bool(second & 128), ssrc, payload))
        if self.machine and second & 127 == self.pt:
            self.machine.hears(sound.decode(self.codec, payload))
        if self.names.get(second & 127) == "telephone-event" and len(payload) >= 4:
            if (ssrc, timestamp) != self._event_seen:
                self._event_seen = (ssrc, timestamp)
                self.digits += EVENTS[payload[0]] if payload[0] < len(EVENTS) else "?"
