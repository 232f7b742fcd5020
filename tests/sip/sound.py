"""Sound for scenarios: G.711, sine waves, WAV files, and which frequencies are heard when (Goertzel).

Samples are lists or arrays of 16-bit numbers. Levels are in dB below full scale: a sine of amplitude 32767 has 0.

    sine(440, 1.0)                      one second at 8000 Hz, -12 dB
    level(samples, 8000, 440)           how loud 440 Hz is in there
    tones(samples, 8000, [440, 550])    {440: [(0.1, 1.9)], 550: []}: from when to when each was heard, in seconds
    hears(samples, 8000, 440)           whether 440 Hz is there for most of the time
    wav_read(path) -> (samples, rate)   wav_write(path, samples, rate)
"""
import array
import math
import struct
import wave

FRAME_S = 0.05  # Goertzel's window: tones 40 Hz apart are told from each other
HEARD_DB = -36.0


def _ulaw_byte(sample):
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 15) & 0xFF


def _ulaw_sample(byte):
    byte = ~byte & 0xFF
    magnitude = (((byte & 15) << 3) + 132 << (byte >> 4 & 7)) - 132
    return -magnitude if byte & 0x80 else magnitude


def _alaw_sample(byte):
    byte ^= 0x55
    magnitude = (byte & 15) << 4 | 8
    exponent = byte >> 4 & 7
    if exponent:
        magnitude = (magnitude | 0x100) << (exponent - 1)
    return magnitude if byte & 0x80 else -magnitude


_ULAW_DECODE = [_ulaw_sample(b) for b in range(256)]
_ALAW_DECODE = [_alaw_sample(b) for b in range(256)]
_ALAW_SORTED = sorted((sample, byte) for byte, sample in enumerate(_ALAW_DECODE))


def _alaw_byte(sample):
    low, high = 0, len(_ALAW_SORTED) - 1
    while low < high:
        middle = (low + high) // 2
        if _ALAW_SORTED[middle][0] < sample:
            low = middle + 1
        else:
            high = middle
    near = _ALAW_SORTED[max(low - 1, 0):low + 1]
    return min(near, key=lambda pair: abs(pair[0] - sample))[1]


_ULAW_ENCODE = bytes(_ulaw_byte((i << 2) - 32768) for i in range(16384))
_ALAW_ENCODE = bytes(_alaw_byte((i << 2) - 32768) for i in range(16384))


def encode(name, samples):
    """PCMU or PCMA bytes of the samples."""
    table = _ULAW_ENCODE if name == "PCMU" else _ALAW_ENCODE
    return bytes(table[(s + 32768) >> 2] for s in samples)


def decode(name, payload):
    table = _ULAW_DECODE if name == "PCMU" else _ALAW_DECODE
    return [table[b] for b in payload]


def sine(hz, seconds, rate=8000, db=-12.0, start=0):
    """A sine; `start` is the first sample's number, so that pieces join without a click."""
    peak = 32767 * 10 ** (db / 20)
    step = 2 * math.pi * hz / rate
    return [int(peak * math.sin(step * (start + i))) for i in range(int(seconds * rate))]


def _power(frame, rate, hz):
    """Squared amplitude of the sine of `hz` in a Hann-windowed frame."""
    n = len(frame)
    coefficient = 2 * math.cos(2 * math.pi * hz / rate)
    turn = 2 * math.pi / n
    s1 = s2 = 0.0
    for i, sample in enumerate(frame):
        s1, s2 = sample * (0.5 - 0.5 * math.cos(turn * i)) + coefficient * s1 - s2, s1
    return (s1 * s1 + s2 * s2 - coefficient * s1 * s2) * 16 / (n * n)


def _db(power):
    return 10 * math.log10(power / 32767 ** 2) if power > 0 else -200.0


def level(samples, rate, hz):
    return _db(_power(samples, rate, hz)) if len(samples) else -200.0


def tones(samples, rate, candidates, threshold_db=HEARD_DB):
    """When each of the candidate frequencies was heard: {hz: [(from, to), …]} in seconds."""
    size = int(FRAME_S * rate)
    found = {hz: [] for hz in candidates}
    for begin in range(0, len(samples) - size + 1, size):
        frame = samples[begin:begin + size]
        for hz in candidates:
            if _db(_power(frame, rate, hz)) < threshold_db:
                continue
            at = begin / rate
            spans = found[hz]
            if spans and at - spans[-1][1] < 0.001:
                spans[-1] = (spans[-1][0], at + FRAME_S)
            else:
                spans.append((at, at + FRAME_S))
    return found


def share(samples, rate, hz, threshold_db=HEARD_DB):
    """For what part of the time the frequency is heard, 0 to 1."""
    if len(samples) < FRAME_S * rate:
        return 0.0
    heard = sum(end - begin for begin, end in tones(samples, rate, [hz], threshold_db)[hz])
    return heard * rate / len(samples)


def hears(samples, rate, hz, threshold_db=HEARD_DB):
    return share(samples, rate, hz, threshold_db) > 0.7


def deaf_to(samples, rate, hz, threshold_db=HEARD_DB):
    return share(samples, rate, hz, threshold_db) < 0.05


def wav_read(path):
    """Mono samples (the first channel) and the rate; a file still being written is read as far as it goes."""
    with wave.open(str(path)) as w:
        channels, rate = w.getnchannels(), w.getframerate()
        data = array.array("h", w.readframes(w.getnframes()))
    return list(data[::channels]), rate


def wav_write(path, samples, rate=8000):
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(struct.pack("<%dh" % len(samples), *samples))
