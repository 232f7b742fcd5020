"""The door of a room: by number, phone, PIN and time; guessers; and how long a conference goes on."""
import re
import subprocess
import unittest

from harness import CONFABD, PLAN, SOURCE, until
from rooms import HASHES, Rooms

class TestDoor(Rooms):
    PLAN = PLAN.replace('number "3000-3899" { application = "conference" }',
                        'number "3800-3899" { application = "conference" argument = "profile=quiet" }\n'
                        'number "3000-3799" { application = "conference" }\n'
                        'number "3910-3919" { application = "conference" }')
    SETTINGS = "conference { pin_tries = 2 pin_caller_tries = 3 }"

    def test_access_number_asks_for_room_and_pin(self):
        mark = self.server.mark()
        one = self.enter("1001", "3999", "3900#246810#", tone=440)
        self.wait_role(3900, "member", mark)
        two = self.enter("1002", "3999", "3900#135791#", tone=620)
        self.wait_role(3900, "host", mark)
        self.assertTrue(one.hears(620))
        one.hangup()
        two.hangup()

    def test_access_number_knows_rooms_of_the_plan_and_of_rows_and_no_others(self):
        self.room("880001")
        mark = self.server.mark()
        one = self.enter("1001", "3999", "880001#")
        self.wait_role(880001, "member", mark)
        two = self.enter("1002", "3999", "3001#")
        self.wait_role(3001, "member", mark)
        three = self.enter("1003", "3999", "990001#9196#")  # no room at all, and no room's number
        self.server.wait_log("choice-wrong tries=2", 20, mark)
        self.assertEqual(len(re.findall("room-entered", self.server.log_since(mark))), 2)
        for call in (one, two, three):
            call.hangup()

    def test_host_and_persons_are_known_by_their_phones_and_pins(self):
        self.room("3911", pin_hash=HASHES["246810"], host="1001")
        self.server.psql("insert into room_person (room, number, name, role, pin_hash) values "
                         "('3911', '1002', 'Ben', 'member', null), ('3911', null, 'Chair', 'host', '%s')" % HASHES["739146"])
        mark = self.server.mark()
        calls = [self.enter("1001", "3911")]
        self.wait_role(3911, "host", mark)
        mark = self.server.mark()
        calls.append(self.enter("1002", "3911"))
        self.wait_role(3911, "member", mark)
        mark = self.server.mark()
        calls.append(self.enter("1003", "3911", "739146#"))
        self.wait_role(3911, "host", mark)
        lossy = calls[1].media
        lossy.lose, lossy.sent = 7, 0
        until(lambda: lossy.sent > 20, what="packets after the loss")
        for call in calls:
            call.hangup()
        until(lambda: len(self.server.psql("select 1 from conference_member m join conference c on c.id = m.conference "
                                           "where c.room = '3911'")) == 3, 15, "the conference's record")
        self.assertEqual(self.server.psql("select m.caller, m.name, m.role, m.how, m.reason from conference_member m "
                                          "join conference c on c.id = m.conference where c.room = '3911' order by seat"),
                         [["1001", "Alice Archer", "host", "dialled", "left"], ["1002", "Ben", "member", "dialled", "left"],
                          ["1003", "Chair", "host", "dialled", "left"]])
        self.assertEqual(self.server.psql("select name, peak, joins, reason, ended >= started from conference "
                                          "where room = '3911'"), [["Test", "3", "3", "all-left", "t"]])
        quality = ("select seat, packets_lost >= 7, loss_percent > 0, jitter_us >= 0, mos > 1 from conference_member_quality "
                   "where conference = (select id from conference where room = '3911') and jitter_us is not null order by seat")
        until(lambda: len(self.server.psql(quality)) == 3, 15, "the records of the calls")
        self.assertEqual(self.server.psql(quality)[1], ["2", "t", "t", "t", "t"])

    def test_examples_of_the_guide_work_as_typed(self):
        guide = (SOURCE / "docs" / "rooms.md").read_text()
        blocks = {kind: re.findall("```%s\n(.*?)```" % kind, guide, re.S) for kind in ("sql", "conf")}
        config = self.server.folder / "guide.conf"
        config.write_text(re.sub("(?m)^number .*$", "", self.server.config.read_text()) + "".join(blocks["conf"]))
        done = subprocess.run([str(CONFABD), "--check", "-c", str(config)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        clean = "delete from room where number = '880001'; delete from room_profile where name = 'quiet'"
        self.server.psql(clean)
        self.addCleanup(self.server.psql, clean)
        for block in blocks["sql"][:1] + blocks["sql"][2:3]:  # the room, and its persons
            self.server.psql(block)
        mark = self.server.mark()
        host = self.enter("1001", "3999", "880001#")
        self.wait_role(880001, "host", mark)
        calls = [host, self.enter("1003", "3999", "880001#246810#"), self.enter("1004", "3999", "880001#739146#")]
        until(lambda: len(re.findall("room-entered room=880001 .*role=member", self.server.log_since(mark))) == 2, 20, "the PINs")
        for call in calls:
            call.hangup()
        for block in blocks["sql"][1:2] + blocks["sql"][3:]:
            self.server.psql(block)

    def test_profile_of_rooms_made_on_the_fly(self):
        self.server.psql("insert into room_profile (name, max_members) values ('quiet', 1)")
        mark = self.server.mark()
        one = self.enter("1001", "3801")
        self.wait_role(3801, "member", mark)
        two = self.enter("1002", "3801")
        self.server.wait_log("room-refused room=3801 ", mark=mark)
        two.wait_ended(15)
        one.hangup()

    def test_who_comes_too_early_is_told_so(self):
        self.room("3912")
        self.server.psql("insert into room_time (room, begins, minutes, zone, repeat) values ('3912', "
                         "(now() + interval '1 hour') at time zone 'Europe/Berlin', 30, 'Europe/Berlin', 'FREQ=DAILY')")
        mark = self.server.mark()
        call = self.enter("1001", "3912")
        self.server.wait_log("room-shut room=3912 ", mark=mark)
        self.assertTrue(any(abs(sample) > 500 for sample in call.listen(1.5)))  # words
        call.hangup()
        self.assertNotIn("room-entered room=3912", self.server.log_since(mark))
        self.server.psql("update room_time set early_minutes = 60 where room = '3912'")
        call = self.enter("1001", "3912")
        self.wait_role(3912, "member", mark)
        call.hangup()

    def test_conference_ends_with_its_time(self):
        self.room("3913")
        phone = self.phone("1001", registered=True)
        self.server.psql("insert into room_time (room, begins, minutes) values ('3913', "
                         "now() at time zone 'UTC' - interval '597 seconds', 10)")
        mark = self.server.mark()
        call = phone.invite("3913").wait_answered()
        self.wait_role(3913, "member", mark)
        self.server.wait_log("room-ends room=3913 why=time", 15, mark)
        call.wait_ended(15)
        until(lambda: self.server.psql("select reason from conference where room = '3913'") == [["time"]], 15, "the record")
        self.assertEqual(self.server.psql("select actor, source, act from room_act where room = '3913'"),
                         [["server", "server", "end"]])

    def test_conference_ends_a_while_after_its_last_host(self):
        self.room("3914", host="1001", end_with_host="true", end_grace_s="1")
        mark = self.server.mark()
        host, member = self.enter("1001", "3914"), self.enter("1002", "3914")
        self.wait_role(3914, "host", mark)
        self.wait_role(3914, "member", mark)
        host.hangup()
        self.server.wait_log("room-ends room=3914 why=host-left", 15, mark)
        member.wait_ended(15)

    def test_guesser_is_locked_out_over_calls_and_restarts(self):
        self.room("3915", pin_hash=HASHES["246810"], host="1001")
        call = self.enter("1004", "3915", "918273#827364#")
        self.server.wait_log("pin-wrong room=3915 tries=2", 20)
        call.hangup()
        call = self.enter("1004", "3915", "918273#")
        self.server.wait_log("pin-wrong room=3915 tries=1(?s:.*)pin-wrong room=3915 tries=1", 20)
        call.hangup()
        self.server.restart()
        mark = self.server.mark()
        call = self.enter("1004", "3915", "246810#")
        self.server.wait_log("room-refused room=3915 ", mark=mark)
        self.assertTrue(any(abs(sample) > 500 for sample in call.listen(1.5)))  # words
        self.assertNotIn("room-entered room=3915", self.server.log_since(mark))
        host = self.enter("1001", "3915")
        self.wait_role(3915, "host", mark)
        other = self.enter("1002", "3915", "246810#")
        self.wait_role(3915, "member", mark)
        host.hangup()
        other.hangup()
        # What was typed stands nowhere.
        until(lambda: self.server.psql("select 1 from call where caller = '1004'"), 15, "the call's record")
        for table in ("call", "cdr", "trace", "conference", "conference_member", "room_act", "pin_guess", "room"):
            rows = self.server.psql("select to_jsonb(t) from %s t" % table)
            self.assertFalse(re.search("918273|827364|246810", str(rows)), table)
        self.assertFalse(re.search("918273|827364|246810", self.server.log()))


if __name__ == "__main__":
    unittest.main()
