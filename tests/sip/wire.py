"""SIP byte by byte: a socket that sends what it is told, and reads what comes back without wishing it were otherwise.

    wire = Wire(server.address, local="127.0.0.2", transport="tcp")
    wire.ask(data, final=True)     sends, and gives the statuses that came: all of them, the last one final or 0
    wire.probe()                   an OPTIONS of its own that must be answered: the server lives
    wire.hang_up()                 ACKs what an INVITE got, and BYEs what was answered

Everything that is asked of us meanwhile gets 200, but for `answer`: a function of a request that gives the bytes to send back,
or None for silence. One thread: nothing is read but in ask(), probe() and drain().
"""
import re
import select
import socket
import time

from message import Message, token, uri_of
from harness import SLOW

ANSWER = 2.0    # seconds until a request is thought unanswered
PATIENCE = 8.0  # … and a server dead


class Wire:
    def __init__(self, server, local, transport="udp", port=5060):
        self.server, self.port, self.local, self.transport = server, port, local, transport
        self.answer = None
        self.socket = self.address = None
        self.closed = False
        self._data = b""
        self.responses, self.requests = [], []
        self.open()

    def open(self):
        """A new socket, as after the server has closed the old one."""
        self.close()
        self.closed, self._data = False, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM)
        self.socket.bind((self.local, 0))
        self.socket.connect((self.server, self.port))
        self.address = "%s:%d" % (self.local, self.socket.getsockname()[1])

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def send(self, data):
        """False: the connection is gone."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = self.transport == "tcp"
        return not self.closed

    # -- reading -----------------------------------------------------------------------------------------------------------

    def _split(self):
        """Messages out of a stream."""
        while True:
            self._data = self._data.lstrip(b"\r\n")
            head, blank, rest = self._data.partition(b"\r\n\r\n")
            if not blank:
                return
            found = re.search(rb"\r\n(?:Content-Length|l)\s*:\s*(\d+)", head, re.I)
            length = int(found.group(1)) if found else 0
            if len(rest) < length:
                return
            self._data = rest[length:]
            yield head + blank + rest[:length]

    def drain(self, seconds=0.0):
        """Takes in what has come, or comes within that time: once something came, only what is there already."""
        while not self.closed and select.select([self.socket], [], [], seconds)[0]:
            seconds = 0.0
            try:
                data = self.socket.recv(65536)
            except OSError:
                self.closed = self.transport == "tcp"
                continue  # UDP: an ICMP error of an earlier packet
            if self.transport == "udp":
                self._take(data)
            elif not data:
                self.closed = True
            else:
                self._data += data
                for message in self._split():
                    self._take(message)

    def _take(self, data):
        if not data.strip():
            return
        message = Message.parse(data)
        if message.status:
            self.responses.append(message)
            return
        self.requests.append(message)
        reply = self.answer(message) if self.answer else self.reply(message, 200)
        if reply and message.method != "ACK":
            self.send(reply)

    @staticmethod
    def reply(request, status, headers=(), body=""):
        to = request.get("To", "")
        to += "" if ";tag=" in to else ";tag=" + token()
        return Message("SIP/2.0 %d So" % status, [("Via", v) for v in request.all("Via")] +
                       [("Record-Route", v) for v in request.all("Record-Route")] +
                       [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")),
                        ("CSeq", request.get("CSeq"))] + list(headers), body).encode()

    # -- asking ------------------------------------------------------------------------------------------------------------

    def ask(self, data, marks=("",), final=True):
        """`marks`: one of them is in every response to it. `final` false: none need come, and so a moment will do."""
        self.drain()
        self.responses = []
        if not self.send(data):
            return [0]
        end = time.monotonic() + (ANSWER if final else 0.05) * SLOW
        while time.monotonic() < end and not self.closed and not self.final():
            self.drain(0.05)
            self.responses = [r for r in self.responses if any(m in r.get("Call-ID", "") or m in r.get("Via", "") for m in marks)]
        return [r.status for r in self.responses] + ([] if self.final() else [0])

    def final(self):
        return [r for r in self.responses if r.status >= 200]

    def probe(self):
        """AssertionError when the server does not answer an OPTIONS."""
        if self.closed:
            self.open()
        mine, branch = token(), "z9hG4bK" + token()
        data = ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\nMax-Forwards: 70\r\nFrom: <sip:probe@%s>;tag=%s\r\n"
                "To: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % (
                    self.server, self.transport.upper(), self.address, branch, self.local, token(), self.server, mine)).encode()
        end, again = time.monotonic() + PATIENCE * SLOW, 0
        while time.monotonic() < end:
            if time.monotonic() >= again:
                if self.closed:
                    self.open()
                self.send(data)
                again = time.monotonic() + 1
            self.drain(0.05)
            if any(r.get("Call-ID") == mine and r.status >= 200 for r in self.responses):
                self.responses = [r for r in self.responses if r.get("Call-ID") != mine]
                return
        raise AssertionError("the server does not answer")

    # -- leaving nothing behind ----------------------------------------------------------------------------------------------

    def hang_up(self):
        """Ends each INVITE that got a final response: ACK, and BYE for a 2xx (RFC 3261 sections 13.2.2.4 and 15)."""
        for response in self.final():
            number, _, method = response.get("CSeq", "").partition(" ")
            if method.strip() != "INVITE" or not response.get("Via"):
                continue
            self.send(self.follow(response, "ACK", number))
            if response.status < 300:
                self.send(self.follow(response, "BYE", str(int(number) + 1) if number.isdigit() else "2"))
        self.drain()

    def follow(self, response, method, number):
        """A request in the dialog of a 2xx; an ACK to anything else belongs to the INVITE (RFC 3261 section 17.1.1.3)."""
        target = uri_of(response.get("Contact", "")) or "sip:%s:%d" % (self.server, self.port)
        via = response.get("Via") if method == "ACK" and response.status >= 300 else "SIP/2.0/%s %s;branch=z9hG4bK%s" % (
            self.transport.upper(), self.address, token())
        routes = [("Route", r) for r in reversed(response.all("Record-Route"))] if response.status < 300 else []
        return Message("%s %s SIP/2.0" % (method, target), [("Via", via), ("Max-Forwards", "70")] + routes +
                       [("From", response.get("From", "")), ("To", response.get("To", "")),
                        ("Call-ID", response.get("Call-ID", "")), ("CSeq", number + " " + method)]).encode()
