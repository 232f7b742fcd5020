"""Recorded rooms: the mix and a track for each who speaks, whole after a normal end and playable after a kill -9."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import sound
from harness import Scenario, until

USERS = ("1001", "1002", "1003")
TONES = (440, 620, 850)


def read(path):
    """(samples, rate) of a sound file: by sox, a reader that is not ours; Opus it may not know, so FLAC and WAV only."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        subprocess.run(["sox", str(path), "-b", "16", out.name], check=True, stderr=subprocess.DEVNULL)
        return sound.wav_read(out.name)


def seconds(path):
    samples, rate = read(path)
    return len(samples) / rate


def spans(path, least=0.0):
    """When each tone begins and ends in the file, in seconds; a tone that is not there for `least` seconds is left out."""
    samples, rate = read(path)
    found = {hz: [at for at in spans if at[1] - at[0] >= least] for hz, spans in sound.tones(samples, rate, TONES).items()}
    return {hz: (at[0][0], at[-1][1]) for hz, at in found.items() if at}


class Recorded(Scenario):
    FORMAT, MORE = "flac", ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.server.folder / "recordings"
        cls.server.configure('conference { record = "tracks" record_format = "%s" recordings = "%s" }\n%s' % (
            cls.FORMAT, cls.folder, cls.MORE), cls.PLAN, cls.PEERS)
        cls.server.restart()

    def meet(self, room):
        """Three come in, each with a tone that begins a second after the one before."""
        calls = []
        for user in USERS:
            phone = self.phone(user, registered=True)
            calls.append(phone.invite(room).wait_answered())
        self.server.wait_log(r"recording-started room=%s file=" % room)
        for call, hz in zip(calls, TONES):
            call.media.tone = hz
            time.sleep(1)
        for call, own in zip(calls, TONES):
            self.assertTrue(call.hears(*[hz for hz in TONES if hz != own], timeout=10))
        return calls

    def files(self, room):
        """The mix, the tracks by caller, and the timeline."""
        [line] = self.folder.glob(room + "-*.json")
        timeline = json.loads(line.read_text())
        return (self.folder / timeline["mix"], {t["label"]: self.folder / t["file"] for t in timeline["tracks"]}, timeline)

    def check(self, mix, tracks, timeline):
        self.assertEqual(sorted(tracks), list(USERS))
        of_mix = spans(mix, 0.3)  # the tone for who comes in begins so sharply that it is a little of everything
        self.assertEqual(sorted(of_mix), sorted(TONES))
        for user, hz in zip(USERS, TONES):
            self.assertEqual(list(spans(tracks[user])), [hz], "the track of %s" % user)
            self.assertAlmostEqual(spans(tracks[user], 0.3)[hz][0], of_mix[hz][0], delta=0.06)
        for track, hz in zip(timeline["tracks"], TONES):
            self.assertTrue(track["talk_ms"], track)
            self.assertAlmostEqual(track["talk_ms"][0][0] / 1000, of_mix[hz][0], delta=0.5)
            self.assertRegex(track["call"], r"^[0-9a-f]+$")
        self.assertEqual(timeline["room"], mix.name.split("-")[0])
        return of_mix


class TestFlac(Recorded):
    def test_a_normal_end(self):
        calls = self.meet("3101")
        began = time.monotonic()
        time.sleep(2)
        for call in calls:
            call.hangup()
        done = self.server.wait_log(r"recording-ended room=3101 file=\S+ ms=(\d+) lost_ms=0 error=0$", 20)
        mix, tracks, timeline = self.files("3101")
        self.assertEqual(timeline["state"], "closed")
        self.assertEqual(timeline["ms"], int(done.group(1)))
        self.check(mix, tracks, timeline)
        lengths = {seconds(path) for path in [mix, *tracks.values()]}
        self.assertEqual(len(lengths), 1, lengths)
        self.assertAlmostEqual(lengths.pop(), timeline["ms"] / 1000, places=3)
        self.assertGreater(timeline["ms"] / 1000, 2 + len(calls))
        self.assertLess(time.monotonic() - began, 60)
        for path in self.folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_the_row_says_no(self):
        self.server.psql("insert into room (number, record) values ('3103', 'off')")
        call = self.phone("1001", registered=True).invite("3103", tone=440).wait_answered()
        time.sleep(1)
        call.hangup()
        self.server.wait_log("room-ended room=3103")
        self.assertEqual(list(self.folder.glob("3103*")), [])


class Killed(Recorded):
    """kill -9 amid a meeting: the files play, up to two or three seconds before it."""

    def kill(self, room):
        self.meet(room)
        time.sleep(3)
        began = time.monotonic()
        until(lambda: self.files(room)[2]["ms"] > 6000, 20, "a sync")
        self.server.kill()
        return time.monotonic() - began

    def test_kill(self):
        self.kill("3102")
        mix, tracks, timeline = self.files("3102")
        self.assertEqual(timeline["state"], "recording")
        of_mix = self.check(mix, tracks, timeline)
        # The timeline was written after the sync; at 16 kHz the last block of FLAC may be missing, a quarter of a second.
        for path, hz in zip([mix, *[tracks[user] for user in USERS]], (TONES[0], *TONES)):
            self.assertGreater(seconds(path), timeline["ms"] / 1000 - 0.3, path.name)
            self.assertGreater(spans(path)[hz][1], timeline["ms"] / 1000 - 0.5, path.name)
        self.assertGreater(of_mix[TONES[0]][1] - of_mix[TONES[0]][0], 3)


class TestKillFlac(Killed):
    pass


class TestKillWav(Killed):
    FORMAT = "wav"


class TestFullDisk(Recorded):
    """No file may grow beyond a size: the recording ends with one line, the meeting goes on."""

    FORMAT, MORE = "wav", 'log { level = "info" }'  # the log is a file, too

    def test_the_room_goes_on(self):
        mark = self.server.mark()
        subprocess.run(["prlimit", "--pid", str(self.server.process.pid), "--fsize=150000"], check=True)
        calls = self.meet("3104")
        self.server.wait_log(r"recording-ended room=3104 .* error=27 ", 30, mark)
        since = time.monotonic()
        time.sleep(2)
        for call, own in zip(calls, TONES):
            samples = call.media.samples(since)
            for hz in TONES:
                self.assertEqual(sound.hears(samples, 8000, hz), hz != own)
        mix, tracks, timeline = self.files("3104")
        self.assertGreater(seconds(mix), 3)
        self.assertEqual(timeline["error"], 27)
        self.assertEqual(self.server.log_since(mark).count("recording-ended"), 1)
        for call in calls:
            call.hangup()
        self.server.wait_log("room-ended room=3104", 10, mark)


del Recorded, Killed

if __name__ == "__main__":
    unittest.main()
