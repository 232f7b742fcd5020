"""A conference that is cut off by kill -9: its members come back as what they were, and others stay outside."""
import unittest

from harness import until
from rooms import HASHES, Rooms


class TestRestart(Rooms):
    def test_locked_conference_goes_on_after_a_kill(self):
        psql = self.server.psql
        psql("insert into room (number, name, pin_hash, moderator_pin_hash) values "
             "('3920', 'Board', '%s', '%s')" % (HASHES["246810"], HASHES["135791"]))
        mark = self.server.mark()
        host = self.enter("1001", "3999", "3920#135791#")
        self.wait_role(3920, "host", mark)
        member = self.enter("1002", "3999", "3920#246810#", tone=620)
        self.wait_role(3920, "member", mark)
        pbx = self.pbx("4411").invite("3999").wait_answered()
        mark = self.server.mark()
        pbx.dial("3920#246810#")
        self.wait_role(3920, "member", mark)
        until(lambda: len(psql("select caller from room_seat where left_at is null")) == 3, what="the seats")
        self.assertEqual(psql("select caller, role, muted from room_seat order by caller"),
                         [["1001", "host", "f"], ["1002", "member", "f"], ["4411@pbx", "member", "f"]])
        # As the server writes down what a host and a member do by their keys.
        psql("update room_state set locked = true where room = '3920'")
        psql("update room_seat set muted = true where caller = '1002'")
        psql("insert into room_ban values ('3920', '1004', now() + interval '5 minutes')")
        self.server.kill()
        for call in (host, member, pbx):
            call.phone.close()
        self.server.start()
        mark = self.server.mark()
        member = self.enter("1002", "3999", "3920#", tone=620)
        self.wait_role(3920, "member", mark)
        host = self.enter("1001", "3999", "3920#", tone=440)
        self.wait_role(3920, "host", mark)
        pbx = self.pbx("4411").invite("3999").wait_answered()
        pbx.dial("3920#")
        until(lambda: self.server.log_since(mark).count("role=member") == 2, 10, "who called by the peer")
        self.assertTrue(pbx.hears(440))
        self.assertTrue(pbx.deaf_to(620))  # still muted
        stranger = self.enter("1003", "3999", "3920#246810#")
        self.server.wait_log("room-refused room=3920 error=16", 10, mark)  # locked
        banned = self.enter("1004", "3999", "3920#")
        self.server.wait_log("room-refused room=3920 error=1$", 10, mark)
        for call in (stranger, banned):
            call.hangup()
        for call in (member, pbx, host):
            call.hangup()
        until(lambda: not psql("select 1 from room_state"), what="the end of its state")
        mark = self.server.mark()
        late = self.enter("1003", "3999", "3920#246810#")
        self.wait_role(3920, "member", mark)
        late.hangup()

    def test_orderly_stop_is_no_end_of_a_conference(self):
        self.server.psql("insert into room (number, name, host) values ('3921', 'Board', '1001')")
        mark = self.server.mark()
        host = self.enter("1001", "3999", "3921#")
        self.wait_role(3921, "host", mark)
        until(lambda: self.server.psql("select 1 from room_state where room = '3921'"), what="the state")
        self.server.restart()
        host.wait_ended()
        self.assertEqual(self.server.psql("select 1 from room_state where room = '3921'"), [["1"]])
        self.assertEqual(self.server.psql("select caller, left_at is null from room_seat where room = '3921'"),
                         [["1001", "f"]])


if __name__ == "__main__":
    unittest.main()
