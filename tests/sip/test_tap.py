"""Recorded calls: both sides, from the answer to the end, also while one holds; digits still pass."""
import time
import unittest

import sound
from harness import until
from services import Services

CALLER_HZ, CALLEE_HZ = 620, 440


class TestTap(Services):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.server.folder / "recordings"
        cls.server.configure('conference { record_format = "wav" recordings = "%s" }' % cls.folder, cls.PLAN, cls.PEERS)
        cls.server.restart()

    def recorded_call(self):
        one, two = self.users("1001", "1002")
        self.service("1002", "record")
        call = one.invite("1002")
        other = two.wait_call()
        other.answer()
        self.talk(call.wait_answered(), other, (CALLER_HZ, CALLEE_HZ))
        return call, other

    def files(self):
        """The mix and the tracks of the newest recording, once it is finished."""
        name = self.server.wait_log(r"recording file=\S*/(\S+)", 5, self.mark).group(1)
        self.server.wait_log(r" mixer recording-ended ", 10, self.mark)
        return self.folder / (name + ".wav"), {path.stem[len(name) + 1:]: path for path in self.folder.glob(name + "-*.wav")}

    def heard(self, path):
        samples, rate = sound.wav_read(path)
        spans = sound.tones(samples, rate, (CALLER_HZ, CALLEE_HZ))
        return {hz: sum(end - begin for begin, end in spans[hz]) for hz in spans}

    def test_both_sides_are_recorded(self):
        call, other = self.recorded_call()
        call.hangup()
        other.wait_ended()
        mix, tracks = self.files()
        heard = self.heard(mix)
        self.assertGreater(heard[CALLER_HZ], 1)
        self.assertGreater(heard[CALLEE_HZ], 1)
        self.assertIn(call_id(self), mix.name)
        self.assertEqual(sorted(label.split("-", 1)[1] for label in tracks), ["1001", "1002"])
        for label, path in tracks.items():
            own, foreign = (CALLER_HZ, CALLEE_HZ) if label.endswith("1001") else (CALLEE_HZ, CALLER_HZ)
            self.assertGreater(self.heard(path)[own], 1)
            self.assertLess(self.heard(path)[foreign], 0.2)

    def test_digits_pass_and_hold_is_no_end(self):
        call, other = self.recorded_call()
        call.dial("5")
        until(lambda: "5" in other.media.digits, 5, "the digit")
        call.hold()
        time.sleep(0.5)
        call.resume()
        self.talk(call, other, (CALLER_HZ, CALLEE_HZ))
        call.hangup()
        mix, _ = self.files()
        self.assertGreater(self.heard(mix)[CALLER_HZ], 2)

    def test_unrecorded_call_leaves_no_file(self):
        before = len(list(self.folder.glob("*")))
        one, two = self.users("1001", "1002")
        call = one.invite("1002")
        two.wait_call().answer()
        call.wait_answered().hangup()
        self.assertEqual(len(list(self.folder.glob("*"))), before)


def call_id(test):
    return test.server.wait_log(r"call=(\w+) recording file=", 5, test.mark).group(1)


if __name__ == "__main__":
    unittest.main()
