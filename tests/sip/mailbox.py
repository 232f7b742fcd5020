"""What scenarios of voicemail share: leaving tones as messages, hearing them again, and looking at the rows.

    class TestX(Mail):                          a Scenario with many users, each with a mailbox
        self.user()                             a number that nobody else uses
        self.together(f, g, …)                  runs them side by side; every failure is told with its name
        self.visit(user)                        the owner's call to *97, let in by his PIN
    wait_tone(call, 1000)                       waits until a pure tone is heard, and returns when it began
    leave(call, [(700, 1.5), (1300, 1.0)])      after the beep, says these tones
    pieces(call, since, (700, 1300))            [(700, 1.5), (1300, 1.0)]: the pure tones heard since, with their lengths
    seed(server, "1001", [(700, 1.0)])          a message that was never spoken: its entry's uuid
    seed_greeting(server, "1001", "busy", 700)   a greeting that was never spoken
    entries(server, "1001")                     rows of a mailbox, oldest first
    stored(server, "1001")                      the sound of its only message

A tone is told from speech by holding nearly all power of its moment: the prompts of voicemail never do.
"""
import array
import concurrent.futures
import functools
import io
import itertools
import math
import operator
import re
import threading
import time
import uuid
import wave

import sound
from harness import SLOW, Scenario, until

PIN = "739146"
BEEP_HZ = 1000
FRAME = 320  # 40 ms
LEAST_S = 0.12  # shorter sounds are none


class Mail(Scenario):
    SETTINGS = "sip { ring = 2 }\nvoicemail { message_silence = 3 }"
    USERS = range(2001, 2101)  # beside those of the demo; a number without a row of the plan may be a subscriber's
    SIDE_BY_SIDE = 12

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.numbers = iter(cls.USERS)
        cls.server.psql(
            "begin; insert into mailbox (number, name, zone, pin_hash) select n::text, 'User ' || n, zone, pin_hash "
            "from mailbox, generate_series(%d, %d) n where number = '1001'; "
            "insert into subscriber (number, name, zone, mailbox) select number, name, zone, number from mailbox "
            "where number like '2%%'; insert into credential (number, realm, ha1_md5, ha1_sha256) "
            "select number, 'confab', md5(secret), encode(sha256(convert_to(secret, 'UTF8')), 'hex') "
            "from (select number, number || ':confab:confab-' || number as secret from subscriber "
            "where number like '2%%') as login; commit" % (cls.USERS[0], cls.USERS[-1]))

    def setUp(self):
        super().setUp()
        self.lock, self.here = threading.Lock(), threading.local()

    def user(self):
        with self.lock:
            return str(next(self.numbers))

    def phone(self, user, **more):
        phone = super().phone(user, **more)
        getattr(self.here, "phones", []).append(phone)
        return phone

    def _flow(self, flow):
        """What went wrong in it, or None. Its phones hang up and are gone at its end."""
        self.here.phones = []
        try:
            flow()
            for phone in self.here.phones:
                for call in list(phone.calls.values()):
                    call.hangup()
        except Exception as error:  # told by together(), beside those of other flows
            for phone in self.here.phones:
                phone.hang_up()
            return error
        finally:
            for phone in self.here.phones:
                phone.close()
        return None

    def together(self, *flows):
        with concurrent.futures.ThreadPoolExecutor(self.SIDE_BY_SIDE) as pool:
            for flow, error in zip(flows, pool.map(self._flow, flows)):
                with self.subTest(flow=flow.__name__):
                    if error is not None:
                        raise error

    def call(self, user, number, **more):
        """A call that is answered; INVITE is authenticated, so he need not be registered."""
        return self.phone(user, **more).invite(number).wait_answered()

    def visit(self, user, number="*97", pin=PIN):
        call = self.call(user, number)
        login(call, pin)
        return call

    def count(self, mailbox, number=1, timeout=10):
        """Waits until the mailbox holds so many messages; their rows."""
        return until(lambda: len(entries(self.server, mailbox)) == number and entries(self.server, mailbox), timeout,
                     "%d messages for %s" % (number, mailbox))

    def row(self, entry):
        return entries(self.server, None, entry)[0]

    def adjusted_s(self, call):
        """What the server's jitter buffer has filled in, stretched and cut of what a call said: much on a busy machine. The call has
        ended."""
        name = self.server.wait_log(r"call=(\w+) start .*sip=%s " % re.escape(call.call_id)).group(1)
        told = self.server.wait_log(r"call=%s media .* concealed_ms=(\d+) longer_ms=(\d+) shorter_ms=(\d+)" % name)
        return sum(int(ms) for ms in told.groups()) / 1000

    def assert_length(self, row, call, said_s=2.5):
        """A message is all that was said, and not longer than the time that it took."""
        self.assertTrue(1000 * said_s - 100 < row.ms < 1000 * call.left_s + 300, (row.ms, call.left_s))

    def assert_tones(self, heard, said, tolerance=0.16):
        self.assertEqual([hz for hz, _ in heard], [hz for hz, _ in said], (heard, said))
        for (_, got), (_, wanted) in zip(heard, said):
            self.assertAlmostEqual(got, wanted, delta=tolerance)


@functools.lru_cache(maxsize=None)
def _waves(hz):
    step = 2 * math.pi * hz / 8000
    return [math.cos(step * i) for i in range(FRAME)], [math.sin(step * i) for i in range(FRAME)]


def _tone_of(frame, candidates):
    """Which of the candidates this frame holds and little else; None. Done in few steps: many phones share this process."""
    total = sum(map(operator.mul, frame, frame)) / FRAME
    if total < 32767 ** 2 * 10 ** -3.3:
        return None
    for hz in candidates:
        cosine, sine = _waves(hz)
        c, s = sum(map(operator.mul, frame, cosine)), sum(map(operator.mul, frame, sine))
        if 2 * (c * c + s * s) / FRAME ** 2 > 0.7 * total:
            return hz
    return None


def spans(samples, candidates):
    """[(hz, begin, end), …] in seconds, in the order in which they are heard."""
    found = []
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        hz, begin, end = _tone_of(samples[at:at + FRAME], candidates), at / 8000, (at + FRAME) / 8000
        if hz is None:
            continue
        if found and found[-1][0] == hz and begin - found[-1][2] < 0.1:
            found[-1] = (hz, found[-1][1], end)
        else:
            found.append((hz, begin, end))
    return [span for span in found if span[2] - span[1] > LEAST_S]


def joined(found):
    """[(hz, seconds), …] of spans, those of one tone that follow each other as one: a machine in a hurry parts them."""
    return [(hz, parts[-1][2] - parts[0][1]) for hz, group in itertools.groupby(found, lambda span: span[0])
            for parts in [list(group)]]


def pieces(call, since, candidates):
    return [(hz, round(end - begin, 2)) for hz, begin, end in spans(call.media.samples(since), candidates)]


def wait_tone(call, hz, timeout=25.0, since=None):
    since = since or time.monotonic()
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        now = time.monotonic()
        found = spans(call.media.samples(since), (hz,))
        if found:
            return since + found[0][1]
        if call.ended:
            raise AssertionError("%s: the call ended before %d Hz were heard: %s" % (call.phone.user, hz, call.end))
        since = max(since, now - 1.0)
        time.sleep(0.2)
    raise AssertionError("%s: %d Hz were not heard in %.0f s" % (call.phone.user, hz, timeout * SLOW))


def is_speech(samples):
    return sum(abs(s) > 500 for s in samples) > len(samples) // 20


def wait_speech(call, timeout=5.0):
    """Something is said that is no silence."""
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        if is_speech(call.listen(0.3)):
            return
    raise AssertionError("%s: nothing was said" % call.phone.user)


def wait_silence(call, timeout=10.0):
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        samples = call.listen(0.4)
        if samples and max(abs(s) for s in samples) < 100:
            return
    raise AssertionError("%s: it is never quiet" % call.phone.user)


def say(call, tones):
    call.media.say(tones)
    until(lambda: call.ended or not call.media.saying(), 10 + sum(seconds for _, seconds in tones), "the end of the tones")


def leave(call, tones, key="#", greeting=True):
    """Waits for the beep to be over, says the tones, and ends with `key` (None: the recording goes on). The call's `left_s`:
    since the beep."""
    begin = time.monotonic()
    if not greeting:  # he has heard enough of it
        time.sleep(0.3)
        call.dial("#")
    beep = wait_tone(call, BEEP_HZ, since=begin)
    time.sleep(0.4)
    say(call, tones)
    if key:
        call.dial(key)
    call.left_s = time.monotonic() - beep
    if key:
        time.sleep(0.3)
    return call


def login(call, pin=PIN):
    time.sleep(0.3)
    call.dial(pin + "#", gap=0.05)


def _seed_sound(server, tones, blob, rows):
    """Writes the sound, and the rows that refer to it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(b"".join(s.to_bytes(2, "little", signed=True) for hz, seconds in tones for s in sound.sine(hz, seconds)))
    file = server.folder / (blob + ".sql")
    file.write_text("begin; insert into blob (id, audio, sha256) select '%s', audio, sha256(audio) from (values ('\\x%s'::bytea)) "
                    "as sound (audio); %s; commit;\n" % (blob, out.getvalue().hex(), rows))
    file.chmod(0o644)
    server.database.psql(server.name, file=file)
    file.unlink()


def seed(server, mailbox, tones, caller="9", age_s=60):
    """Writes a message straight into the tables; its entry's uuid. `caller` is said before it is heard: short is quick."""
    blob, message, entry = (str(uuid.uuid4()) for _ in range(3))
    _seed_sound(server, tones, blob,
                "insert into message (id, blob, caller, call, cause, started, duration_ms) "
                "values ('%s', '%s', '%s', 'seed', 'direct', now() - interval '%d s', %d); "
                "insert into entry (id, mailbox, message) values ('%s', '%s', '%s')" % (
                    message, blob, caller, age_s, sum(seconds for _, seconds in tones) * 1000, entry, mailbox, message))
    return entry


def seed_greeting(server, mailbox, kind, hz, callers="", ends=None):
    """A greeting that is a tone, straight into the tables. `ends`: an SQL expression."""
    blob = str(uuid.uuid4())
    _seed_sound(server, [(hz, 1.0)], blob, "insert into greeting (mailbox, kind, callers, ends, blob) values ('%s', '%s', '%s', %s, '%s')"
                % (mailbox, kind, callers, ends or "null", blob))


class Entry:
    def __init__(self, row):
        self.id, self.mailbox, self.caller, self.cause, self.folder = row[:5]
        self.heard, self.deleted, self.urgent = (value == "t" for value in row[5:8])
        self.ms, self.message = int(row[8]), row[9]


def entries(server, mailbox, entry=None):
    where = "e.id = '%s'" % entry if entry else "e.mailbox = '%s'" % mailbox
    rows = server.psql("select e.id, e.mailbox, m.caller, m.cause, e.folder, e.heard, e.deleted_at is not null, e.urgent, "
                       "m.duration_ms, m.id from entry e join message m on m.id = e.message where %s order by m.started, e.id" % where)
    return [Entry(row) for row in rows]


def stored(server, mailbox):
    """The sound of a mailbox's only message: 8 kHz samples."""
    (audio,), = server.psql("select encode(audio, 'hex') from entry e join message m on m.id = e.message "
                            "join blob b on b.id = m.blob where e.mailbox = '%s'" % mailbox)
    with wave.open(io.BytesIO(bytes.fromhex(audio))) as w:
        return array.array("h", w.readframes(w.getnframes()))[::w.getframerate() // 8000]
