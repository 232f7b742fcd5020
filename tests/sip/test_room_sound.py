"""How loud a room's members are heard: alike in a room by default, each at his own level where the room's row says so."""
import threading
import time
import unittest

import sound
from harness import Scenario, until

QUIET, LOUD = 440, 850  # Hz
WINDOW = 400  # samples


class Speaker(threading.Thread):
    """Lets calls talk in syllables, as nobody talks in one long tone; all begin and end with the test."""

    def __init__(self, calls):
        super().__init__(daemon=True)
        self.tones = [(call, call.media.tone) for call in calls]
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for call, tone in self.tones:
                call.media.tone = tone
            self.over.wait(0.3)
            for call, _ in self.tones:
                call.media.tone = None
            self.over.wait(0.15)

    def stop(self):
        self.over.set()
        self.join()


def loudness(samples, hz):
    """dB of the syllables of that pitch: what a third of the time is louder than."""
    levels = sorted(sound.level(samples[at:at + WINDOW], 8000, hz) for at in range(0, len(samples) - WINDOW, WINDOW))
    return levels[len(levels) * 2 // 3]


class TestRoomSound(Scenario):
    SETTINGS = "limits { rooms = 20 }"

    def heard(self, room):
        """What a third member hears of a quiet and a loud one, in dB, once that has settled."""
        calls = []
        for user, tone, db in (("1001", QUIET, -34.0), ("1002", LOUD, -12.0), ("1003", None, 0)):
            calls.append(self.phone(user, registered=True).invite(room, tone=tone).wait_answered())
            calls[-1].media.db = db
        speaker = Speaker(calls[:2])
        self.addCleanup(speaker.stop)
        until(lambda: loudness(calls[2].listen(1.5), LOUD) > -40, 20, "the loud one's voice")
        time.sleep(6)
        samples = calls[2].listen(3)
        speaker.stop()
        for call in calls:
            call.hangup()
        return loudness(samples, QUIET), loudness(samples, LOUD)

    def test_all_are_alike_by_default(self):
        quiet, loud = self.heard("3100")
        self.assertLess(abs(quiet - loud), 4, "quiet %.1f dB, loud %.1f dB" % (quiet, loud))
        self.assertGreater(quiet, -34 + 6)
        self.assertLess(loud, -12 - 6)

    def test_each_as_he_is_where_the_row_says_so(self):
        self.server.psql("insert into room (number, loudness) values ('3101', false)")
        quiet, loud = self.heard("3101")
        self.assertLess(abs(quiet + 34), 1.5, "quiet %.1f dB" % quiet)
        self.assertLess(abs(loud + 12), 1.5, "loud %.1f dB" % loud)

    def test_null_is_as_the_configuration_says(self):
        self.server.psql("insert into room (number, name) values ('3102', 'Attic')")
        quiet, loud = self.heard("3102")
        self.assertLess(abs(quiet - loud), 4, "quiet %.1f dB, loud %.1f dB" % (quiet, loud))


class TestOff(Scenario):
    SETTINGS = "conference { loudness = false denoise = true }"

    def test_server_wide_off_and_a_row_that_wants_neither(self):
        """Noise is taken out by default here, but the row wants none of that; loudness is off, but for the row."""
        self.server.psql("insert into room (number, loudness, denoise) values ('3103', true, false)")
        plain, levelled = self.hum("3104"), self.hum("3103")
        self.assertLess(plain, -34)     # a hum that goes on and on is noise
        self.assertGreater(levelled, -24)

    def hum(self, room):
        talker = self.phone("1001", registered=True).invite(room, tone=QUIET).wait_answered()
        talker.media.db = -24.0
        listener = self.phone("1002", registered=True).invite(room).wait_answered()
        until(lambda: sound.level(listener.listen(0.5), 8000, QUIET) > -60, 20, "the hum")
        time.sleep(8)
        samples = listener.listen(1)
        talker.hangup()
        listener.hangup()
        return loudness(samples, QUIET)


if __name__ == "__main__":
    unittest.main()
