"""A fax machine at a phone's media: SpanDSP's sender, in a process of its own (faxer.c).

    machine = FaxMachine(call, folder / "sent.tif")   calls with its tone, over the sound of the call
    machine.change(call)                               re-INVITE with T.38; the final response
    offer_t38(call)                                    the same, but for the machine nothing changes
    machine.freeze()                                   it says nothing any more
    machine.wait_sent()                                all pages were received, as the far side says; AssertionError else
    pages(path), pages_of(bytes)                       what a TIFF file shows: a list of pages, each its rows of packed pixels
"""
import array
import collections
import os
import pathlib
import struct
import subprocess
import tempfile
import threading

import sound
from harness import CONFABD, until

FAXER = pathlib.Path(CONFABD).parent / "tests" / "sip" / "faxer"
AHEAD = 960  # samples that lie ready: a busy machine's hiccups are no gaps for a modem then
SILENCE = array.array("h", [0] * 160)


def offer_t38(call):
    address, port = call.media.rtp.getsockname()[:2]
    return call.reinvite(body="v=0\r\no=- 7 8 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
                                "m=image %d udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
                                "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:400\r\n"
                                "a=T38FaxUdpEC:t38UDPRedundancy\r\n" % (address, address, port))


class FaxMachine:
    def __init__(self, call, sent):
        self.process = subprocess.Popen([str(FAXER), str(sent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.heard, self.datagrams, self.t38, self.state = collections.deque(), collections.deque(), False, "."
        self.frozen, self.filled = False, False
        self.lock = threading.Lock()
        self.media = call.media
        call.media.machine = self

    # -- on the media's thread --------------------------------------------------------------------------------------------

    def hears(self, samples):
        self.heard.extend(samples)

    def takes(self, data):
        if self.t38 and data[0] >> 6 != 2:
            self.datagrams.append(data)
        return self.t38

    def _write(self, letter, data=b""):
        self.process.stdin.write(letter + struct.pack("<H", len(data)) + data)

    def _replies(self):
        """[(letter, bytes)] up to the state."""
        self.process.stdin.flush()
        found = []
        while True:
            letter, length = struct.unpack("<cH", self.process.stdout.read(3))
            data = self.process.stdout.read(length)
            if letter == b"E":
                self.state = data.decode()
                return found
            found.append((letter, data))

    def step(self, media):
        with self.lock:
            remote = media.remote  # an answer may take it away at any moment
            if self.process is None or self.frozen or remote is None:
                return
            if self.t38:
                while self.datagrams:
                    self._write(b"P", self.datagrams.popleft())
                self._write(b"C")
                for _, datagram in self._replies():
                    media.rtp.sendto(datagram, remote)
                return
            frame = SILENCE
            self.filled = len(self.heard) >= (160 if self.filled else AHEAD)
            if self.filled:
                frame = array.array("h", [self.heard.popleft() for _ in range(160)])
            self._write(b"S", frame.tobytes())
            (_, said), = self._replies()
            media._packet(media.pt, media._timestamp, sound.encode(media.codec, array.array("h", said)), media.sent == 0)

    # -- on the test's ----------------------------------------------------------------------------------------------------

    def change(self, call):
        response = offer_t38(call)
        if response.status == 200:
            with self.lock:
                self._write(b"T")
                self.t38 = True
        return response

    def freeze(self):
        self.frozen = True

    def wait_sent(self, timeout=90):
        until(lambda: self.state != ".", timeout, "the end of the fax")
        assert self.state == "+", "the sender says that the fax has failed"

    def close(self):
        with self.lock:
            process, self.process, self.media.machine = self.process, None, None
        process.stdin.close()
        process.wait(5)
        process.stdout.close()


def pages(path):
    """Each page as its rows of packed pixels, by libtiff's own tools: whatever compression it is in."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(100):
            plain = os.path.join(folder, "page.tif")
            if subprocess.run(["tiffcp", "-c", "none", "-r", "100000", "%s,%d" % (path, number), plain],
                              stderr=subprocess.DEVNULL).returncode != 0:
                break
            found.append(_strip(pathlib.Path(plain).read_bytes()))
            os.unlink(plain)
    return found


def pages_of(data):
    with tempfile.NamedTemporaryFile(suffix=".tif") as file:
        file.write(data)
        file.flush()
        return pages(file.name)


def _strip(data):
    """The pixels of an uncompressed TIFF with one strip, 0 for white."""
    order = "<" if data[:2] == b"II" else ">"
    at, = struct.unpack_from(order + "I", data, 4)
    count, = struct.unpack_from(order + "H", data, at)
    tags = {}
    for i in range(count):
        tag, kind, _, value = struct.unpack_from(order + "HHII", data, at + 2 + 12 * i)
        if kind == 3:
            value, = struct.unpack_from(order + "H", data, at + 2 + 12 * i + 8)
        tags[tag] = value
    pixels = data[tags[273]:tags[273] + tags[279]]
    if tags[262] == 1:  # black is zero
        pixels = bytes(255 - byte for byte in pixels)
    width = (tags[256] + 7) // 8
    return [pixels[i:i + width] for i in range(0, len(pixels), width)]
