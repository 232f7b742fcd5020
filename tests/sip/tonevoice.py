"""A voice in which each phrase is a tone of its own, so that a scenario can tell which words somebody hears.

    class TestX(ToneScenario):
        SPOKEN = ("conf-muted", ...)        names of the catalogue, "fr:conf-muted" in French; all others are silent
        def test_y(self):
            mark = time.monotonic()
            self.says(call, "conf-muted", mark)     waits until the caller has heard it since then
            self.silent(call, "conf-muted", mark)   he has not
"""
import pathlib
import shutil
import tempfile
import time

import sound
from harness import CONFABD, Scenario, until

TAKEN = (400, 440, 620, 660, 800, 850, 1000, 1175, 1480)  # phones' tones and the server's own
SECONDS = 0.3


def pitches(names):
    """{name: Hz}, far enough from each other and from what else is heard."""
    free = [hz for hz in range(1040, 3300, 50) if all(abs(hz - other) > 40 for other in TAKEN)]
    assert len(names) <= len(free), "too many phrases"
    return dict(zip(names, free))


class ToneScenario(Scenario):
    SPOKEN = ()

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-voice-"))
        cls.addClassCleanup(shutil.rmtree, folder, True)
        cls.pitch = pitches(cls.SPOKEN)
        for name, hz in cls.pitch.items():
            language, _, word = name.rpartition(":")
            for place in (folder / "sounds" / ((language or "en") + "_test"), folder / "voices" / (language or "en")):
                path = place / (word + ".wav")
                path.parent.mkdir(parents=True, exist_ok=True)
                sound.wav_write(path, sound.sine(hz, SECONDS))
        for grammar in (CONFABD.parent / "voices").glob("*.grammar"):
            shutil.copy(grammar, folder / "voices")
        cls.SETTINGS += '\nprompts { sounds = "%s" voices = "%s" }\n' % (folder, folder / "voices")
        super().setUpClass()

    def heard(self, call, hz, since):
        """Whether the tone has been heard for a tenth of a second since then."""
        spans = sound.tones(call.media.samples(since), 8000, [hz])[hz]
        return any(end - begin > 0.09 for begin, end in spans)

    def says(self, call, name, since, timeout=10):
        until(lambda: self.heard(call, self.pitch[name], since), timeout, "\"%s\" for %s" % (name, call.phone.user))

    def silent(self, call, name, since):
        self.assertFalse(self.heard(call, self.pitch[name], since), "%s heard \"%s\"" % (call.phone.user, name))

    def press(self, call, keys):
        call.dial(keys, gap=0.02, ms=60)

    def say_and_wait(self, call, keys, name, timeout=10):
        """Keys, and what they are answered with; the moment before them."""
        mark = time.monotonic()
        self.press(call, keys)
        self.says(call, name, mark, timeout)
        return mark

    def setUp(self):
        super().setUp()
        # Nobody of an earlier test is let in without a PIN because he was in a moment ago.
        until(lambda: self.server.psql("select room from room_state") == [], 10, "the end of earlier conferences")
        self.server.psql("delete from room_seat")

    def enter(self, user, room, tone=None, pin=None):
        call = self.phone(user, registered=True).invite(room, tone=tone).wait_answered()
        if pin is not None:
            mark = self.server.mark()
            self.press(call, pin + "#")
            self.server.wait_log("room-(entered|waits) room=%s" % room, mark=mark)
        return call
