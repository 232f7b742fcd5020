"""Side rooms, moves and whispers: who hears whom while a host leads members about, by keys of a menu of his own."""
import time

import sound
from harness import until
from tonevoice import ToneScenario

HOST_PIN = "135791"
HOST, ANN, BOB, CAT = 440, 620, 850, 1000

MENUS = """
menu "chair" {
    prompt = {"conf-usermenu"}
    key "1" { act = "break-out" value = 2 direct = true }
    key "2" { act = "call-back" direct = true }
    key "3" { act = "visit" text = "3230-1" direct = true }
    key "4" { act = "visit" text = "3230-2" direct = true }
    key "5" { act = "whisper" text = "1002" direct = true }
    key "6" { act = "unwhisper" direct = true }
    key "7" { act = "soften" text = "1003" value = -24 direct = true }
    key "8" { act = "soften" text = "1003" direct = true }
    key "9" { act = "visit" text = "3231" direct = true }
    key "0" { act = "end" direct = true }
    key "#" { act = "mute-all-toggle" direct = true }
}
menu "guest" {
    prompt = {"conf-usermenu"}
    key "1" { act = "return" direct = true }
}
"""


class TestSides(ToneScenario):
    SPOKEN = ("conf-placeintoconf", "confbridge-conf-end", "conf-getpin")
    LINKS = MENUS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("insert into room (number, name, moderator_pin_hash, menu, host_menu) "
                        "select n, '', moderator_pin_hash, 'guest', 'chair' from room, unnest(array['3230', '3232', '3233']) n "
                        "where number = '3900'")

    def gather(self):
        host = self.enter("1001", "3230", HOST, HOST_PIN)
        guests = [self.enter(user, "3230", tone, "") for user, tone in (("1002", ANN), ("1003", BOB), ("1004", CAT))]
        self.hear(host, ANN, BOB, CAT)
        return [host, *guests]

    def hear(self, call, *tones):
        """Until he hears these of the phones, and no other."""
        def only():
            samples = call.listen(0.6)
            return all(sound.hears(samples, 8000, hz) == (hz in tones) and sound.deaf_to(samples, 8000, hz) == (hz not in tones)
                       for hz in (HOST, ANN, BOB, CAT))
        until(only, 15, "%s for %s" % (tones, call.phone.user))

    def test_side_rooms(self):
        host, ann, bob, cat = self.gather()
        mark = time.monotonic()
        self.press(host, "1")
        self.says(ann, "conf-placeintoconf", mark)
        self.hear(ann, CAT)
        self.hear(cat, ANN)
        self.press(host, "3")
        self.hear(host, ANN, CAT)
        self.hear(ann, HOST, CAT)
        self.press(host, "4")
        self.hear(host, BOB)
        self.hear(bob, HOST)
        self.press(bob, "1")  # he comes back by himself, and is alone there
        self.server.wait_log("room-entered room=3230 .*")
        self.press(host, "2")
        for call, others in ((host, (ANN, BOB, CAT)), (ann, (HOST, BOB, CAT)), (bob, (HOST, ANN, CAT)), (cat, (HOST, ANN, BOB))):
            self.hear(call, *others)
        mark = time.monotonic()
        self.press(host, "1")
        self.says(bob, "conf-placeintoconf", mark)
        mark = time.monotonic()
        self.press(host, "0")
        for call in (ann, bob, cat, host):
            self.says(call, "confbridge-conf-end", mark)
            call.wait_ended()
        self.server.wait_nothing_left()
        until(lambda: self.server.psql("select count(*) from room_seat where room = '3230'") == [["0"]], 10, "no seat that is kept")
        mark = time.monotonic()
        again = ann.phone.invite("3230").wait_answered()
        self.says(again, "conf-getpin", mark)  # who was sent away is not known as one who was cut off
        again.hangup()

    def test_no_other_room_takes_over_what_the_door_said(self):
        """Who came while all were muted is heard where he is led to, also by those who come there later."""
        host = self.enter("1001", "3232", HOST, HOST_PIN)
        self.press(host, "#")
        until(lambda: self.server.psql("select muted from room_state where room = '3232'") == [["t"]], 10, "the mute as it is kept")
        ann, bob, cat = (self.enter(user, "3232", tone, "") for user, tone in (("1002", ANN), ("1003", BOB), ("1004", CAT)))
        self.hear(cat, HOST)
        self.press(host, "1")
        self.hear(ann, CAT)
        self.hear(cat, ANN)
        for call in (ann, cat):
            call.hangup()
        self.press(bob, "1")
        self.hear(bob, HOST)
        host.hangup()  # and comes back, as whom he was
        host = host.phone.invite("3232", tone=HOST).wait_answered()
        self.hear(bob, HOST)
        self.press(host, "9")
        other = self.phone("1004", registered=True).invite("3231", tone=CAT).wait_answered()
        self.hear(host, CAT)
        self.hear(other, HOST)
        for call in (host, bob, other):
            call.hangup()
        self.server.wait_nothing_left()

    def test_the_next_conference_begins_anew(self):
        """Also while the end of the last one is not yet written down."""
        host = self.enter("1001", "3233", HOST, HOST_PIN)
        ann, bob = (self.phone(user, registered=True) for user in ("1002", "1003"))
        self.press(host, "#")
        until(lambda: self.server.psql("select muted from room_state where room = '3233'") == [["t"]], 10, "the mute as it is kept")
        host.hangup()
        calls = [phone.invite("3233", tone=tone).wait_answered() for phone, tone in ((ann, ANN), (bob, BOB))]
        for call in calls:
            self.press(call, "#")
        self.hear(calls[0], BOB)
        self.hear(calls[1], ANN)
        for call in calls:
            call.hangup()

    def test_whispers(self):
        host, ann, bob, cat = self.gather()
        self.press(host, "5")
        self.hear(ann, HOST, BOB, CAT)
        self.hear(bob, ANN, CAT)
        self.hear(cat, ANN, BOB)
        self.hear(host, ANN, BOB, CAT)
        self.press(host, "7")
        self.hear(host, ANN, CAT)  # Bob is below what counts as heard
        self.hear(ann, HOST, BOB, CAT)
        self.press(host, "68")
        self.hear(bob, HOST, ANN, CAT)
        self.hear(host, ANN, BOB, CAT)
        self.press(host, "5")
        self.hear(bob, ANN, CAT)
        ann.hangup()
        until(lambda: "act=whisper" in self.server.log(), 5, "the whisper")
        self.hear(bob, CAT)  # what was for Ann alone is not said to all now
        self.press(host, "9")  # to an open room, where nobody is
        self.server.wait_log("room-entered room=3231 ")
        self.hear(bob, CAT)
        for call in (host, bob, cat):
            call.hangup()
        self.server.wait_nothing_left()
