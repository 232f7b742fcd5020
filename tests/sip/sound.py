"""Sound for scenarios: G.711, sine waves, WAV files, and which frequencies are heard when.

Samples are lists or arrays of 16-bit numbers. Levels are in dB below full scale: a sine of amplitude 32767 has 0.

    sine(440, 1.0)                      one second at 8000 Hz, -12 dB
    level(samples, 8000, 440)           how loud 440 Hz is in there
    tones(samples, 8000, [440, 550])    {440: [(0.1, 1.9)], 550: []}: from when to when each was heard, in seconds
    hears(samples, 8000, 440)           whether 440 Hz is there for most of the time
    wav_read(path) -> (samples, rate)   wav_write(path, samples, rate)
"""
import array
import functools
import math
import operator
import struct
import wave

FRAME_S = 0.05  # the window in which they are looked for: tones 40 Hz apart are told from each other
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
# The low and the high byte of each sample, for bytes.translate(): many phones share a process, and each hears 50 packets a second.
_DECODE_BYTES = {name: [bytes(s >> shift & 255 for s in table) for shift in (0, 8)]
                 for name, table in (("PCMU", _ULAW_DECODE), ("PCMA", _ALAW_DECODE))}
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
    """The samples, an array."""
    low, high = _DECODE_BYTES["PCMU" if name == "PCMU" else "PCMA"]
    data = bytearray(2 * len(payload))
    data[::2], data[1::2] = payload.translate(low), payload.translate(high)
    return array.array("h", bytes(data))


def sine(hz, seconds, rate=8000, db=-12.0, start=0):
    """A sine; `start` is the first sample's number, so that pieces join without a click."""
    peak = 32767 * 10 ** (db / 20)
    step = 2 * math.pi * hz / rate
    return [int(peak * math.sin(step * (start + i))) for i in range(int(seconds * rate))]


def _waves(n, rate, hz):
    """Cosine and sine of `hz`, Hann-windowed."""
    turn, step = 2 * math.pi / n, 2 * math.pi * hz / rate
    window = [0.5 - 0.5 * math.cos(turn * i) for i in range(n)]
    return [w * math.cos(step * i) for i, w in enumerate(window)], [w * math.sin(step * i) for i, w in enumerate(window)]


_frame_waves = functools.lru_cache(maxsize=1024)(_waves)


def _power(frame, waves):
    """Squared amplitude of the sine that `waves` are of."""
    cosine, sine_ = (sum(map(operator.mul, frame, wave_)) for wave_ in waves)
    return (cosine * cosine + sine_ * sine_) * 16 / (len(frame) * len(frame))


def _db(power):
    return 10 * math.log10(power / 32767 ** 2) if power > 0 else -200.0


def level(samples, rate, hz):
    return _db(_power(samples, _waves(len(samples), rate, hz))) if len(samples) else -200.0


def tones(samples, rate, candidates, threshold_db=HEARD_DB):
    """When each of the candidate frequencies was heard: {hz: [(from, to), …]} in seconds."""
    size = int(FRAME_S * rate)
    found = {hz: [] for hz in candidates}
    for begin in range(0, len(samples) - size + 1, size):
        frame = samples[begin:begin + size]
        for hz in candidates:
            if _db(_power(frame, _frame_waves(size, rate, hz))) < threshold_db:
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
