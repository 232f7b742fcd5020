"""kill -9, and a disk that fails, at each call that a deposit makes on its files and to the database (faults.c)."""
import collections
import concurrent.futures
import io
import pathlib
import sys
import threading
import time
import unittest
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sip"))
from harness import CONFABD, SLOW, Server, until  # noqa: E402
from mailbox import BEEP_HZ, spans  # noqa: E402
from phone import Phone  # noqa: E402
from tonevoice import ToneScenario  # noqa: E402

FAULTS = CONFABD.parent / "tests" / "fault" / "faults.so"
TONE_HZ = 700
SAID_S = 2.5  # the recorder syncs every 2 s
LEAST_S = 1.5  # who has said so much has left a message (message_min_ms is 1000)
LANES = 7
ANSWERS = ("vm-msgsaved", "msg-will-be-delivered", "msg-not-saved", "msg-trouble")


def plan(server, faults):
    """From its next start on, these befall the server's deposits, one each."""
    server.environment = {"LD_PRELOAD": str(FAULTS), "FAULT_FOLDER": str(server.spool), "FAULT_PLAN": ";".join(faults),
                          "FAULT_LOG": str(server.folder / "calls"), "FAULT_FULL": str(server.folder / "full")}


def calls(server):
    """[(uuid, "CALL FILE N")] of all deposits so far."""
    path = server.folder / "calls"
    return [tuple(line.split(" ", 1)) for line in path.read_text().splitlines()] if path.exists() else []


def leftovers(server):
    return sorted(p.name for folder in ("open", "ready", "broken") for p in (server.spool / folder).iterdir())


def messages(server, caller):
    """The messages of a caller, each as its sound: a WAV file."""
    return [wave.open(io.BytesIO(bytes.fromhex(audio))) for audio, in server.psql(
        "select encode(audio, 'hex') from entry e join message m on m.id = e.message join blob b on b.id = m.blob "
        "where m.caller = '%s'" % caller)]


class Killed(Exception):
    """The server has died under a call."""


class Deposit:
    """One call that leaves a tone for 1001; what was said of it, and what its caller was told."""

    def __init__(self, server, caller, pitch):
        self.server, self.caller, self.pitch = server, caller, pitch
        self.said, self.told = 0.0, None
        self.phone = Phone(server.address, caller, "confab-" + caller)
        self.call = None

    def wait(self, condition, what, timeout=12):
        end = time.monotonic() + timeout * SLOW
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            if not self.server.running():
                raise Killed
            time.sleep(0.05)
        raise AssertionError("%s: %s did not come" % (self.caller, what))

    def hears(self, names):
        """The first of the phrases that is heard since the recording began; None."""
        samples = self.call.media.samples(self.began)
        for name in names:
            if spans(samples, (self.pitch[name],)):
                return name
        return None

    def begin(self):
        """To the beep, or to words of trouble in its place."""
        self.began = time.monotonic()
        self.call = self.phone.invite("*991001").wait_answered()
        time.sleep(0.3)
        self.call.dial("#")
        self.wait(lambda: spans(self.call.media.samples(self.began), (BEEP_HZ,)) or self.hears(("msg-trouble",)), "a beep")
        self.told = self.hears(("msg-trouble",))

    def speak(self, seconds=SAID_S):
        self.call.media.tone = TONE_HZ
        begin = time.monotonic()
        try:
            self.wait(lambda: time.monotonic() - begin > seconds or self.call.ended or self.hears(ANSWERS), "the end of speech")
        finally:
            self.said = time.monotonic() - begin
            self.call.media.tone = None

    def finish(self):
        """'#', and 1 in the review, unless he has been told something before."""
        if not self.told and not self.hears(ANSWERS):
            self.call.dial("#")
            self.wait(lambda: self.hears(ANSWERS + ("vm-review",)), "the review")
            if not self.hears(ANSWERS):
                self.call.dial("1")
        self.told = self.told or self.wait(lambda: self.hears(ANSWERS), "an answer")
        self.wait(lambda: self.call.ended, "the end of the call")

    def run(self):
        """False when the server died under it."""
        try:
            self.begin()
            if not self.told:
                self.speak()
            self.finish()
        except Killed:
            return False
        except (AssertionError, OSError):
            if self.server.running():
                raise
            return False
        return True


def first_middle_last(found):
    """Of each call on each file, as faults.c counts them, the first, the middle and the last."""
    counts = collections.Counter(point.rsplit(" ", 1)[0] for point in found)
    return [point for point in found
            if int(point.rsplit(" ", 1)[1]) in (1, (counts[point.rsplit(" ", 1)[0]] + 1) // 2, counts[point.rsplit(" ", 1)[0]])]


class EachCall(ToneScenario):
    SPOKEN = ANSWERS + ("vm-review",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deposit_points = cls.count_calls()

    @classmethod
    def count_calls(cls):
        """What a deposit calls when nothing befalls it, in order."""
        cls.server.stop()
        plan(cls.server, [])
        cls.server.start()
        deposit = Deposit(cls.server, "1002", cls.pitch)
        cls.addClassCleanup(deposit.phone.close)
        assert deposit.run() and deposit.told == "vm-msgsaved", deposit.told
        until(lambda: calls(cls.server)[-1][1] == "unlink .json.tmp 1", 5, "the end of the deposit")
        return [point for _, point in calls(cls.server)]


class TestKill(EachCall):
    def test_it_counts_what_a_deposit_calls(self):
        first = [point[:-2] for point in self.deposit_points if point.endswith(" 1")]
        for wanted in ("open .json.tmp", "write .json.tmp", "fsync .json.tmp", "rename .json.tmp", "fsync open", "open .wav",
                       "write .wav", "fdatasync .wav", "fsync .wav", "rename .wav", "rename .json", "fsync ready", "send db",
                       "unlink .wav", "unlink .json"):
            self.assertIn(wanted, first)

    def test_kill_at_each_call(self):
        points = first_middle_last(self.deposit_points)
        lock, left, failures = threading.Lock(), list(points), []

        def lane():
            server = Server(self.SETTINGS)
            try:
                while True:
                    with lock:
                        if not left:
                            return
                        point = left.pop(0)
                    try:
                        self.kill_at(server, point)
                    except Exception as error:  # told below, beside those of the other lanes
                        failures.append("%s: %s" % (point, error))
            finally:
                server.stop()
                server.remove()

        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            for done in [pool.submit(lane) for _ in range(LANES)]:
                done.result()
        self.assertEqual(failures, [])

    def kill_at(self, server, point):
        plan(server, [point + " kill"])
        server.stop()
        server.start()
        before = len(messages(server, "1002"))
        deposit = Deposit(server, "1002", self.pitch)
        try:
            survived = deposit.run()
        finally:
            deposit.phone.close()
        if survived:  # a write that came in fewer pieces this time
            self.assertIn(point.rsplit(" ", 1)[0], ("write .wav", "truncate .wav"))
        else:
            server.kill()
            server.environment = {}
            server.start()
            until(lambda: leftovers(server) == [], 5, "an empty spool instead of %s" % leftovers(server))
        found = messages(server, "1002")[before:]
        self.assertLessEqual(len(found), 1)
        if deposit.told == "vm-msgsaved" or deposit.said >= LEAST_S:
            self.assertEqual(len(found), 1, "said %.1f s, told %s" % (deposit.said, deposit.told))
            samples = list(memoryview(found[0].readframes(found[0].getnframes())).cast("h"))
            self.assertGreater(sum(end - begin for _, begin, end in spans(samples, (TONE_HZ,))), deposit.said - 0.6)
        self.assertEqual(server.psql("select count(*) from message m where not exists (select from entry e where e.message = m.id) "
                                     "union all select count(*) from blob b where not exists (select from message m where m.blob = b.id)"),
                         [["0"], ["0"]])


if __name__ == "__main__":
    unittest.main()
