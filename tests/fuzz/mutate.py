"""Small damage to bytes, the same for the same seed: what a parser's author did not think of."""
import re

NUMBERS = [b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
           b"18446744073709551615", b"18446744073709551616", b"9" * 60, b"0x10", b"1e9", b"00000000001", b""]
TOKENS = [b"%", b"%0", b"%00", b"%zz", b"\0", b"\"", b"\\\"", b"<", b">", b"<>", b";", b";;", b",", b",,", b"=", b"(", b")", b"@", b"@@", b":", b"[", b"]",
          b"[::1", b"\r\n ", b"\r\n", b"\r", b"\n", b" ", b"\t", b"\xff\xfe", b"\xc3\xa4", b"*", b"?", b"&", b"a" * 300, b"A" * 3000, b";lr", b";tag=x",
          b"sip:", b"sips:", b"tel:", b"urn:x", b"z9hG4bK", b"%s%n", b"0.0.0.0", b"255.255.255.255", b"::", b"IN IP6 ::1", b"application/sdp", b"timer"]


def _bytes(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not data:
            break
        at, what = chance.randrange(len(data)), chance.randrange(4)
        if what == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            data[at] = chance.randrange(256)
        elif what == 2:
            del data[at:at + chance.choice((1, 1, 2, 8, 40))]
        else:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 2, 8))))
    return bytes(data)


def _token(chance, data):
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(TOKENS) + data[at + chance.choice((0, 0, 1, 4)):]


def _number(chance, data):
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return _token(chance, data)
    at = chance.choice(found)
    return data[:at.start()] + chance.choice(NUMBERS) + data[at.end():]


def _lines(chance, data):
    lines = data.split(b"\r\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    what = chance.randrange(5)
    if what == 0:
        del lines[one]
    elif what == 1:
        lines[other:other] = [lines[one]] * chance.choice((1, 1, 3, 100))
    elif what == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 3:
        name = lines[one].partition(b":")[0]
        lines[one] = name + b":" + lines[other].partition(b":")[2]
    else:
        lines[one] = lines[one].partition(b":")[0] + b": "
    return b"\r\n".join(lines)


def _word(chance, data):
    """A word out of one place into another."""
    words = list(re.finditer(rb"[^\s;,<>\"=:@]+", data))
    if len(words) < 2:
        return _bytes(chance, data)
    one, other = chance.choice(words), chance.choice(words)
    return data[:one.start()] + other.group() * chance.choice((1, 1, 1, 50)) + data[one.end():]


def _cut(chance, data):
    return data[:chance.randrange(len(data) + 1)]


def text(chance, data):
    """Mutates a message or a file of text."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice((_bytes, _token, _token, _number, _number, _lines, _lines, _word, _word, _cut))(chance, data) or b"x"
    return data


def relength(chance, data):
    """Mostly sets Content-Length right again, so that the body is read and not refused for its length."""
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank or chance.random() < 0.1:
        return data
    return re.sub(rb"(?im)^(content-length|l)[ \t]*:[^\r\n]*", b"Content-Length: %d" % len(body), head, count=1) + blank + body


def packet(chance, data):
    """Mutates a datagram of RTP or RTCP: its bytes, its bits, its length."""
    what = chance.randrange(6)
    if what == 0:
        return data[:chance.randrange(len(data) + 1)]
    if what == 1:
        return data + bytes(chance.randrange(256) for _ in range(chance.choice((1, 3, 160, 1300))))
    if what == 2:
        return bytes([chance.randrange(256), chance.randrange(256)]) + data[2:]
    return _bytes(chance, data)
