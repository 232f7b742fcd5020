"""kill -9, and a disk that fails, at each call that a deposit makes on its files and to the database (faults.c)."""
import concurrent.futures
import errno
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
LEAST_S = 0.5  # of the tone, in each message: a busy machine sends, and so records, less than was said
LANES = 6
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
        """'#', and in the review 4 (urgent: the record is written anew) and 1, unless he has been told something before."""
        if not self.told and not self.hears(ANSWERS):
            self.call.dial("#")
            self.wait(lambda: self.hears(ANSWERS + ("vm-review",)), "the review")
            if not self.hears(ANSWERS):
                self.call.dial("4")
                self.wait(lambda: self.hears(("vm-marked-urgent",)), "the word that it is urgent")
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


def chosen(points):
    """Each of them, but of the many writes of the sound the first, the middle and the last."""
    last = {name: int(n) for name, n in (point.rsplit(" ", 1) for point in points)}
    return [point for point in points for name, n in [point.rsplit(" ", 1)]
            if not name.endswith(" .wav") or int(n) in (1, (last[name] + 1) // 2, last[name])]


class EachCall(ToneScenario):
    SPOKEN = ANSWERS + ("vm-review", "vm-marked-urgent")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deposit_points = cls.count_calls()

    def each_on_a_server(self, fn, things, lanes):
        """fn(server, thing) for each thing, on so many servers side by side. All failures are told."""
        lock, left, failures = threading.Lock(), list(things), []

        def lane():
            server = Server(self.SETTINGS)
            try:
                while True:
                    with lock:
                        if not left:
                            return
                        thing = left.pop(0)
                    try:
                        fn(server, thing)
                    except Exception as error:  # told below, beside those of the other lanes
                        failures.append("%s: %s" % (thing, error))
            finally:
                server.stop()
                server.remove()

        with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
            for done in [pool.submit(lane) for _ in range(lanes)]:
                done.result()
        self.assertEqual(failures, [])

    def assert_no_halves(self, server):
        """No message without an entry, no sound without a message."""
        self.assertEqual(server.psql("select count(*) from message m where not exists (select from entry e where e.message = m.id) "
                                     "union all select count(*) from blob b where not exists (select from message m where m.blob = b.id)"),
                         [["0"], ["0"]])

    def assert_heard(self, message):
        """It can be read, and holds the tone."""
        samples = list(memoryview(message.readframes(message.getnframes())).cast("h"))
        self.assertGreater(sum(end - begin for _, begin, end in spans(samples, (TONE_HZ,))), LEAST_S)

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
        self.each_on_a_server(self.kill_at, chosen(self.deposit_points), LANES)

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
        if deposit.told == "vm-msgsaved" or deposit.said >= SAID_S:
            self.assertEqual(len(found), 1, "said %.1f s, told %s" % (deposit.said, deposit.told))
            self.assert_heard(found[0])
        self.assert_no_halves(server)


class TestFailing(EachCall):
    """Each call fails once: with EIO, and with ENOSPC where a disk may be full. Then the disk is full for all."""

    CALLERS = [str(n) for n in range(1002, 1011)]

    def test_each_call_fails(self):
        faults = [point + " %d" % errno.EIO for point in chosen(self.deposit_points)]
        faults += [point + " %d" % errno.ENOSPC for point in chosen(self.deposit_points) if point.startswith(("open", "write"))]
        some = len(self.CALLERS)
        self.each_on_a_server(self.fail_at, [faults[at:at + some] for at in range(0, len(faults), some)], 3)

    def fail_at(self, server, faults):
        server.stop()
        for path in server.folder.glob("calls"):
            path.unlink()
        plan(server, faults)
        server.start()
        server.psql("delete from entry; delete from message; delete from blob")
        deposits = [Deposit(server, caller, self.pitch) for caller, _ in zip(self.CALLERS, faults)]
        with concurrent.futures.ThreadPoolExecutor(len(deposits)) as pool:
            running = []
            for number, deposit in enumerate(deposits):
                running.append(pool.submit(deposit.run))
                until(lambda: running[-1].done() or len({uuid for uuid, _ in calls(server)}) > number, 10, "the next deposit")
            survived = [run.result() for run in running]
        for deposit in deposits:
            deposit.phone.close()
        self.assertEqual(survived, [True] * len(faults))
        at_once = {deposit.caller: len(messages(server, deposit.caller)) for deposit in deposits}
        server.stop()
        server.environment = {}
        server.start()  # its first sweep is what the next ones of a server that runs on would be
        until(lambda: leftovers(server) == [], 5, "an empty spool instead of %s" % leftovers(server))
        called = calls(server)
        for deposit, fault, uuid in zip(deposits, faults, dict(called)):
            with self.subTest(fault=fault):
                reached = (uuid, fault.rsplit(" ", 1)[0]) in called  # the sound may come in fewer writes this time
                self.judge(deposit, fault, at_once[deposit.caller], self.truth(fault) if reached else "vm-msgsaved")
        self.assert_no_halves(server)

    def judge(self, deposit, fault, at_once, truth):
        found = messages(deposit.server, deposit.caller)
        case = "%s: said %.1f s, told %s, %d at once, %d later" % (fault, deposit.said, deposit.told, at_once, len(found))
        self.assertLessEqual(len(found), 1, case)
        self.assertEqual(deposit.told, truth, case)
        if deposit.told == "msg-trouble":
            self.assertEqual(len(found), 0, case)
        if deposit.told == "vm-msgsaved":
            self.assertEqual(at_once, 1, case)
        self.assertTrue(all(message.getnframes() for message in found), case)
        if deposit.said >= SAID_S:
            self.assertEqual(len(found), 1, case)
            self.assert_heard(found[0])

    def truth(self, fault):
        """What the caller must hear of a call that fails."""
        call, file, n, _ = fault.split()
        if file == ".json.tmp":
            return "msg-trouble" if n == "1" and call != "unlink" else "vm-msgsaved"  # the second time it is but the urgency
        if (file, n) == ("open", "1"):
            return "msg-trouble"
        if fault.startswith([point for point in self.deposit_points if point.startswith("send")][-1]):
            return "msg-will-be-delivered"  # whether the last word, COMMIT, arrived is not known
        if file == "db" or call == "unlink" or (file, n) == ("open", "3"):
            return "vm-msgsaved"
        return "msg-not-saved"

    def test_a_full_disk(self):
        """Who speaks is told that it is not saved, but what was written is; who comes is told before he speaks; others notice nothing."""
        full = self.server.folder / "full"
        mark = self.server.mark()
        echo = self.phone("1010").invite("9196", tone=850).wait_answered()
        deposits = {name: Deposit(self.server, caller, self.pitch)
                    for caller, name in zip(self.CALLERS[1:], ("speaks", "reviews", "comes", "afterwards"))}
        for deposit in deposits.values():
            self.addCleanup(deposit.phone.close)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            reviews = deposits["reviews"]
            for done in [pool.submit(deposits[name].begin) for name in ("speaks", "reviews")]:
                done.result()
            speaks = pool.submit(deposits["speaks"].speak, 30)
            reviews.speak()
            reviews.call.dial("#")
            reviews.wait(lambda: reviews.hears(("vm-review",)), "the review")
            full.touch()
            self.addCleanup(full.unlink, True)
            speaks.result()
        for name in ("speaks", "reviews", "comes"):
            if name == "comes":
                deposits[name].begin()
            deposits[name].finish()
        self.assertTrue(echo.hears(850))
        full.unlink()
        self.assertTrue(deposits["afterwards"].run())
        self.assertEqual({name: deposit.told for name, deposit in deposits.items()},
                         {"speaks": "msg-not-saved", "reviews": "vm-msgsaved", "comes": "msg-trouble", "afterwards": "vm-msgsaved"})
        for name, number in (("speaks", 1), ("reviews", 1), ("comes", 0), ("afterwards", 1)):
            with self.subTest(who=name):
                found = messages(self.server, deposits[name].caller)
                self.assertEqual(len(found), number)
                if found:
                    self.assert_heard(found[0])
        self.assertEqual(leftovers(self.server), [])
        self.assertEqual(self.server.log_since(mark).count("recording_failed"), 1)


if __name__ == "__main__":
    unittest.main()
