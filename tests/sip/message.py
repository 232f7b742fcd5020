"""SIP messages and SDP as a test needs them: read leniently, written plainly, and never repaired in silence."""
import hashlib
import os
import re

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
           "k": "supported", "o": "event", "x": "session-expires", "e": "content-encoding", "s": "subject", "u": "allow-events",
           "r": "refer-to"}
LISTS = {"via", "contact", "route", "record-route", "path", "supported", "require", "allow", "history-info", "diversion"}


def token(size=8):
    return os.urandom(size).hex()


def split_list(value):
    """Parts of a comma-separated header, commas in quotes and <> left alone."""
    parts, depth, quoted, part = [], 0, False, ""
    for c in value:
        if c == '"':
            quoted = not quoted
        depth += 0 if quoted else (c == "<") - (c == ">")
        if c == "," and depth == 0 and not quoted:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return parts + [part.strip()]


class Message:
    """A request (`method`, `uri`) or a response (`status`, `reason`). Headers keep their order."""

    def __init__(self, start, headers=(), body=""):
        self.start, self.headers, self.body = start, list(headers), body
        self.method = self.uri = self.reason = None
        self.status = 0
        if start.startswith("SIP/2.0 "):
            parts = start.split(" ", 2)
            self.status, self.reason = int(parts[1]), parts[2] if len(parts) > 2 else ""
        else:
            self.method, self.uri, _ = start.split(" ", 2)

    @classmethod
    def parse(cls, data):
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
        return cls(lines[0], headers, body)

    def all(self, name):
        """Every value of a header, those of lists one by one."""
        name = name.lower()
        values = [v for n, v in self.headers if COMPACT.get(n.lower(), n.lower()) == name]
        return [part for v in values for part in split_list(v)] if name in LISTS else values

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def param(self, name, parameter):
        """;parameter of a header's first value, outside of <>; "" when it has no value, None when absent."""
        value = re.sub(r"<[^>]*>", "", self.get(name, ""))
        found = re.search(r";\s*%s(?:\s*=\s*(\"[^\"]*\"|[^;,\s]*))?\s*(?=;|$)" % re.escape(parameter), value, re.I)
        return found and (found.group(1) or "").strip('"')

    @property
    def cseq(self):
        number, method = self.get("CSeq", "0 NONE").split()
        return int(number), method

    @property
    def branch(self):
        return self.param("Via", "branch")

    def encode(self):
        body = self.body.encode()
        headers = [(n, v) for n, v in self.headers if n.lower() not in ("content-length", "l")]
        headers.append(("Content-Length", str(len(body))))
        return (self.start + "\r\n" + "".join("%s: %s\r\n" % h for h in headers) + "\r\n").encode() + body

    def __repr__(self):
        return "<%s>" % self.start


def uri_of(value):
    """The URI in a name-addr or addr-spec header value."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def user_of(value):
    found = re.match(r"sips?:([^@;>]*)@", uri_of(value))
    return found.group(1) if found else ""


# -- Digest (RFC 7616, RFC 8760) ------------------------------------------------------------------------------------

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def challenge_parse(value):
    """{"realm": …, "nonce": …, "qop": …, "algorithm": …, "stale": …} of a WWW- or Proxy-Authenticate value."""
    pairs = re.findall(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', value.split(None, 1)[1])
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


def digest_answer(challenge, method, uri, user, password, count=1, cnonce=None, ha1=None):
    """The value of an Authorization header."""
    algorithm = challenge.get("algorithm", "MD5").upper()

    def h(text):
        return HASHES[algorithm](text.encode()).hexdigest()

    ha1 = ha1 or h("%s:%s:%s" % (user, challenge["realm"], password))
    ha2 = h("%s:%s" % (method, uri))
    out = 'Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s' % (
        user, challenge["realm"], challenge["nonce"], uri, algorithm)
    if "qop" in challenge:
        cnonce = cnonce or token()
        nc = "%08x" % count
        response = h("%s:%s:%s:%s:auth:%s" % (ha1, challenge["nonce"], nc, cnonce, ha2))
        out += ', qop=auth, nc=%s, cnonce="%s"' % (nc, cnonce)
    else:
        response = h("%s:%s:%s" % (ha1, challenge["nonce"], ha2))
    if "opaque" in challenge:
        out += ', opaque="%s"' % challenge["opaque"]
    return out + ', response="%s"' % response


# -- SDP ----------------------------------------------------------------------------------------------------------------

STATIC = {"PCMU": 0, "PCMA": 8, "G722": 9}
DYNAMIC = {"opus": (96, "opus/48000/2")}


def sdp_write(address, port, codecs, version=1, direction="sendrecv", extra=(), session="1", ptime=20, events=8000):
    """One audio stream; `extra` are more lines of it, `events` the clock of its telephone-event."""
    family = "IP6" if ":" in address else "IP4"
    numbers, lines = [], []
    for name in codecs:
        if name in STATIC:
            numbers.append(STATIC[name])
            lines.append("a=rtpmap:%d %s/8000" % (STATIC[name], name))
        else:
            numbers.append(DYNAMIC[name][0])
            lines.append("a=rtpmap:%d %s" % DYNAMIC[name])
    lines += ["a=rtpmap:101 telephone-event/%d" % events, "a=fmtp:101 0-16", "a=ptime:%d" % ptime, "a=" + direction] + list(extra)
    return "\r\n".join(["v=0", "o=phone %s %d IN %s %s" % (session, version, family, address), "s=-",
                        "c=IN %s %s" % (family, address), "t=0 0",
                        "m=audio %d RTP/AVP %s" % (port, " ".join(map(str, numbers + [101])))] + lines) + "\r\n"


def extmap_lines(extmaps):
    """RFC 8285: {"ssrc-audio-level": 5} as lines of a stream."""
    return ["a=extmap:%d urn:ietf:params:rtp-hdrext:%s" % (number, name) for name, number in extmaps.items()]


class Sdp:
    """What a test asks of an SDP: address, port, payload types in order, names and clocks by type, direction, version, ptime."""

    def __init__(self, text):
        self.text = text
        self.address, self.port, self.types, self.names = None, 0, [], {0: "PCMU", 8: "PCMA", 9: "G722"}
        self.clocks, self.image = {}, 0  # the port of T.38 (fax.py)
        self.direction, self.version, self.ptime, self.media = "sendrecv", None, 20, []
        self.extmaps = {}  # name of a header extension (the URI's last part) -> its identifier
        for line in text.replace("\r", "").split("\n"):
            if line.startswith("o="):
                self.version = int(line.split()[2])
            elif line.startswith("c="):
                self.address = line.split()[2]
            elif line.startswith("m="):
                self.media.append(line)
                if line.startswith("m=audio") and not self.types:
                    parts = line.split()
                    self.port, self.types = int(parts[1]), [int(t) for t in parts[3:]]
                if line.startswith("m=image"):
                    self.image = int(line.split()[1])
            elif line.startswith("a=rtpmap:"):
                number, name = line[9:].split(None, 1)
                self.names[int(number)], self.clocks[int(number)] = name.split("/")[0], int(name.split("/")[1])
            elif line.startswith("a=extmap:"):
                number, uri = line[9:].split(None, 1)
                self.extmaps[uri.split()[0].rsplit(":", 1)[1]] = int(number.split("/")[0])
            elif line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"):
                self.direction = line[2:]
            elif line.startswith("a=ptime:"):
                self.ptime = int(line[8:])

    def type_of(self, name):
        return next((t for t in self.types if self.names.get(t, "").lower() == name.lower()), None)

    @property
    def codecs(self):
        return [self.names.get(t, str(t)) for t in self.types if self.names.get(t) != "telephone-event"]
