"""Rooms as they are used: phones come, talk, fall silent, mute, hold, whisper, are led into side rooms, thrown out, and go,
by chance; after each step everybody must hear just those whom he should.

SOAK_SECONDS and SOAK_SEED say how long and which chance: 20 seconds of always the same without them, else by the clock; it is
printed. `make soak` takes ten minutes.
"""
import os
import random
import time
import unittest

import sound
from harness import Scenario, until

SECONDS = float(os.environ.get("SOAK_SECONDS", 20))
SEED = int(os.environ.get("SOAK_SEED", time.time() if "SOAK_SECONDS" in os.environ else 1))
HOST_PIN = "135791"
MAIN = "3240"
# Six are heard at once: so there are no more.
TONES = {"1001": 440, "1002": 560, "1003": 690, "1004": 830, "1005": 970, "1006": 1110}
LISTEN_S = 0.5

MENUS = """
menu "soakhost" {
    prompt = {"conf-usermenu"}
    key "1" { act = "mute-toggle" direct = true }
    key "2" { act = "break-out" value = 2 direct = true }
    key "3" { act = "call-back" direct = true }
    key "4" { act = "whisper" text = "1002" direct = true }
    key "5" { act = "unwhisper" direct = true }
    key "6" { act = "kick-last" direct = true }
    key "7" { act = "mute-all" direct = true }
    key "8" { act = "unmute-all" direct = true }
}
menu "soakmember" {
    prompt = {"conf-usermenu"}
    key "1" { act = "mute-toggle" direct = true }
    key "2" { act = "return" direct = true }
}
"""


class Person:
    """One phone, and what the room should know of him."""

    def __init__(self, test, user):
        self.test, self.user, self.tone, self.host = test, user, TONES[user], user == "1001"
        self.phone = test.phone(user, registered=True)
        self.call = self.room = self.id = None
        self.muted = self.held = self.hushed = False

    def come(self):
        self.muted = self.held = self.hushed = False
        mark = self.test.server.mark()
        self.call = self.phone.invite(MAIN, tone=self.tone).wait_answered()
        self.call.dial((HOST_PIN if self.host else "") + "#", gap=0.02, ms=60)
        self.id = self.test.server.wait_log(r"call=(\w+) room-entered room=%s " % MAIN, mark=mark).group(1)
        self.room = MAIN

    def go(self):
        self.call.hangup()
        self.gone()

    def gone(self):
        self.call = self.room = self.id = None

    def press(self, key):
        self.call.dial(key, gap=0.02, ms=60)


class TestSoak(Scenario):
    LINKS = MENUS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("insert into room (number, name, moderator_pin_hash, menu, host_menu, announce, music) "
                        "select '%s', '', moderator_pin_hash, 'soakmember', 'soakhost', 'none', false from room "
                        "where number = '3900'" % MAIN)

    # -- the model -----------------------------------------------------------------------------------------------------------

    def inside(self):
        return [p for p in self.people if p.room]

    def should_hear(self, listener):
        return {other.tone for other in self.inside() if other is not listener and other.room == listener.room and
                not (other.muted or other.held or other.hushed) and
                not (self.all_muted and other.room == MAIN and not other.host) and
                not (other.host and self.whispers and listener.user != "1002")}

    def follow(self):
        """What comes of it by itself."""
        if not self.inside():
            self.all_muted = False
        if self.whispers and not self.host.room:
            self.whispers = False
        elif self.whispers and self.people[1].room != self.host.room:  # nobody is to hear what was for that one alone
            self.whispers, self.host.muted = False, True

    def check(self, what):
        """Everybody in the same moments; a while may pass until it is so."""
        wrong = {}

        def right():
            begin = time.monotonic()
            time.sleep(LISTEN_S)
            wrong.clear()
            for p in self.inside():
                if p.held:
                    continue  # what he hears is his own affair
                should, samples = self.should_hear(p), p.call.media.samples(begin)
                shares = {hz: round(sound.share(samples, 8000, hz), 2) for hz in TONES.values()}
                if not samples or any(part < 0.7 if hz in should else part > 0.05 for hz, part in shares.items()):
                    wrong[p.user] = (p.room, sorted(should), shares)
            return not wrong

        try:
            until(right, 15, "that all hear whom they should")
        except AssertionError as error:
            raise AssertionError("SOAK_SEED=%d, step %d, after %s: %s" % (SEED, self.steps, what, wrong)) from error

    # -- what happens --------------------------------------------------------------------------------------------------------

    def choices(self):
        """(what, who), as often as it is likely."""
        host, inside = self.host, self.inside()
        found = [("come", p) for p in self.people if not p.room] * 3
        found += [(what, p) for p in inside if not p.held for what in ("mute", "hush", "hold")]
        found += [("resume", p) for p in inside if p.held] * 3
        found += [("go", p) for p in inside]
        found += [("back", p) for p in inside if p.room != MAIN and not p.held]
        if host.room and not host.held:
            main = [p for p in inside if p.room == MAIN and not p.host]
            found += [("kick", host), ("mute_all", host), ("break_out", host), ("break_out", host)] if main else []
            found += [("call_back", host)] * 3 if len(main) + 1 < len(inside) else []
            if self.whispers:
                found += [("unwhisper", host)] * 3
            elif self.people[1] in main:
                found += [("whisper", host)] * 3
        return found

    def do_come(self, p):
        p.come()

    def do_go(self, p):
        p.go()

    def do_mute(self, p):
        p.press("1")
        p.muted = not p.muted

    def do_hush(self, p):
        p.hushed = not p.hushed
        p.call.media.tone = None if p.hushed else p.tone

    def do_hold(self, p):
        p.call.hold()
        p.held = True

    def do_resume(self, p):
        p.call.resume()
        p.held = False

    def moved(self, by, key, who):
        """Where each of them has come to stands in the log; whom he hears there does not."""
        mark = self.server.mark()
        by.press(key)
        for p in who:
            p.room = self.server.wait_log(r"call=%s room-entered room=(\S+) " % p.id, mark=mark).group(1)

    def do_back(self, p):
        self.moved(p, "2", [p])
        self.assertEqual(p.room, MAIN)

    def do_break_out(self, host):
        who = [p for p in self.inside() if p.room == MAIN and not p.host]
        self.moved(host, "2", who)
        self.assertEqual({p.room for p in who}, {"%s-%d" % (MAIN, i + 1) for i in range(min(2, len(who)))})

    def do_call_back(self, host):
        who = [p for p in self.inside() if p.room != MAIN]
        self.moved(host, "3", who)
        self.assertEqual({p.room for p in who}, {MAIN})

    def do_kick(self, host):
        members = [p for p in self.inside() if p.room == MAIN and not p.host]
        host.press("6")
        until(lambda: any(p.call.ended for p in members), 20, "that one is thrown out")
        for p in members:
            if p.call.ended:
                p.gone()

    def do_mute_all(self, host):
        host.press("8" if self.all_muted else "7")
        self.all_muted = not self.all_muted

    def do_whisper(self, host):
        host.press("4")
        self.whispers = True

    def do_unwhisper(self, host):
        host.press("5")
        self.whispers = False

    def test_all_hear_whom_they_should(self):
        print("SOAK_SEED=%d SOAK_SECONDS=%g" % (SEED, SECONDS), flush=True)
        chance = random.Random(SEED)
        self.people = [Person(self, user) for user in TONES]
        self.host, self.all_muted, self.whispers, self.steps = self.people[0], False, False, 0
        done = {}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            what, who = chance.choice(self.choices()) if self.steps > 3 else ("come", self.people[self.steps])
            self.steps += 1
            done[what] = done.get(what, 0) + 1
            getattr(self, "do_" + what)(who)
            self.follow()
            self.check("%s of %s" % (what, who.user))
        print("%d steps: %s" % (self.steps, done), flush=True)
        for p in self.inside():
            p.go()
        self.server.wait_nothing_left(20)
        self.assertEqual(self.server.counters()["rooms"], 0)


if __name__ == "__main__":
    unittest.main()
