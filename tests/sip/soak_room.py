"""Rooms as they are used: phones come, are called in, talk, fall silent, mute, hold, whisper, are led into side rooms, locked out,
thrown out by keys and by REFER, go, and come back, by chance; after each step everybody must hear just those whom he should.

SOAK_SECONDS and SOAK_SEED say how long and which chance: 20 seconds of always the same without them, else by the clock; it is
printed. `make soak` takes ten minutes.
"""
import os
import random
import time
import unittest

import sound
from harness import Scenario, until
from referring import notify_status, refer

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
    key "9" { act = "lock-toggle" direct = true }
    key "0" { act = "kick-all" direct = true }
    key "#" { act = "visit" text = "3240-1" direct = true }
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
        self.call = self.room = self.id = self.was_muted = None
        self.muted = self.held = self.hushed = self.called = False

    def come(self, returns=False):
        """Calls, and types a PIN unless he is known from a moment ago; False: he was refused."""
        server, mark = self.test.server, self.test.server.mark()
        self.call = self.phone.invite(MAIN, tone=self.tone).wait_answered()
        if not returns:
            self.call.dial((HOST_PIN if self.host else "") + "#", gap=0.02, ms=60)
        found = server.wait_log(r"call=(\w+) room-(entered|refused) room=%s " % MAIN, mark=mark)
        if found.group(2) == "refused":
            self.call.wait_ended(20)
            self.gone()
            return False
        self.enter(found.group(1))
        return True

    def enter(self, call_id, called=False):
        self.muted = self.held = self.hushed = False
        self.id, self.room, self.called = call_id, MAIN, called

    def go(self):
        self.call.hangup()
        self.gone()

    def gone(self):
        self.was_muted = None if self.called else self.muted  # whom the room has called has no seat of his own
        self.call = self.room = self.id = None

    def press(self, key):
        self.call.dial(key, gap=0.02, ms=60)


class TestSoak(Scenario):
    LINKS = MENUS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("insert into room (number, name, moderator_pin_hash, menu, host_menu, announce, music, "
                        "dial_out, dial_out_max) "
                        "select '%s', '', moderator_pin_hash, 'soakmember', 'soakhost', 'none', false, '{10XX}', 2 from room "
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
            self.all_muted = self.locked = False
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
        found = [(what, p) for p in self.people if not p.room for what in ("come", "come", "come_back")]
        found += [(what, p) for p in inside if not p.held for what in ("mute", "hush", "hold")]
        found += [("resume", p) for p in inside if p.held] * 3
        found += [("go", p) for p in inside]
        found += [("back", p) for p in inside if p.room != MAIN and not p.held and not p.host]
        if not host.room or host.held:
            return found
        aside = [p for p in inside if p.room != MAIN]
        found += [("call_back", host)] * (3 if aside else 0)
        if host.room != MAIN:
            return found
        main = [p for p in inside if p.room == MAIN and not p.host]
        found += [("lock", host)] * (3 if self.locked else 1)
        found += [("invite", p) for p in self.people if not p.room]
        found += [("visit", host)] * (5 if any(p.room == MAIN + "-1" for p in aside) else 0)
        found += [(what, host) for what in ("kick", "kick_all", "mute_all", "break_out", "break_out")] if main else []
        found += [("send_out", p) for p in main]
        if self.whispers:
            found += [("unwhisper", host)] * 3
        elif self.people[1] in main:
            found += [("whisper", host)] * 3
        return found

    SEAT = "room_seat where room = '" + MAIN + "' and caller = '%s'"

    def seat(self, p):
        """Whether he was muted when he left his seat; None: he has none. Later than he has gone."""
        seat = self.SEAT % p.user
        until(lambda: self.server.psql("select count(*) from %s and left_at is null" % seat) == [["0"]], 20, "an empty seat")
        return {"t": True, "f": False, None: None}[next((row[0] for row in self.server.psql("select muted from " + seat)), None)]

    def do_come(self, p):
        """For the first time, or long after: he is asked for a PIN."""
        self.seat(p)
        self.server.psql("delete from " + self.SEAT % p.user)
        self.assertEqual(p.come(), p.host or not self.locked, p.user)

    def do_come_back(self, p):
        """Soon after: no PIN, no lock, and muted as he was."""
        muted = self.seat(p)
        if muted is None:
            self.do_come(p)
            return
        self.server.psql("update room_seat set left_at = now() where room = '%s' and caller = '%s'" % (MAIN, p.user))
        self.assertIn(p.was_muted, (muted, None), p.user)
        self.assertTrue(p.come(returns=True), p.user)
        p.muted = muted

    def do_invite(self, p):
        """By the host, past the lock."""
        mark = self.server.mark()
        refer(self.host.call, p.user)
        p.call = p.phone.wait_call()
        p.call.answer(tone=p.tone)
        p.enter(self.server.wait_log(r"call=(\w+) room-entered room=%s " % MAIN, mark=mark).group(1), called=True)
        self.assertEqual(self.told(), 200)

    def do_send_out(self, p):
        response = self.host.call.request("REFER", [("Refer-To", "<%s;method=BYE>" % p.phone.uri(p.user))])
        self.assertEqual(response.status, 202)
        self.assertEqual(self.told(), 200)
        p.call.wait_ended(20)
        p.gone()

    def told(self):
        """How the host's REFER went, by the last of its NOTIFYs."""
        while True:
            notify = self.host.phone.wait_notify()
            if notify.get("Event").startswith("refer") and notify.get("Subscription-State").startswith("terminated"):
                return notify_status(notify)

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

    def do_visit(self, host):
        self.whispers = False
        self.moved(host, "#", [host])
        self.assertEqual(host.room, MAIN + "-1")

    def do_lock(self, host):
        mark = self.server.mark()
        host.press("9")
        self.locked = not self.locked
        self.server.wait_log(r"act=%s .*error=0" % ("lock" if self.locked else "unlock"), mark=mark)

    def do_kick_all(self, host):
        members = [p for p in self.inside() if p.room == MAIN and not p.host]
        host.press("0")
        for p in members:
            p.call.wait_ended(20)
            p.gone()

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
        self.host, self.steps = self.people[0], 0
        self.all_muted = self.whispers = self.locked = False
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
        until(lambda: self.server.counters()["rooms"] == 0, 10, "the end of all rooms")


if __name__ == "__main__":
    unittest.main()
