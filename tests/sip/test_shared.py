"""Boxes of a team: each member has his own "heard" and his own lamp; one takes care of a message, or has it."""
import re
import time
import unittest

from harness import SLOW, until
from mailbox import Mail, leave, seed, wait_tone


class TestShared(Mail):
    def team(self, kind, count=2):
        box, members = self.user(), [self.user() for _ in range(count)]
        self.server.psql("update mailbox set kind = '%s' where number = '%s'" % (kind, box))
        for member in members:
            self.server.psql("insert into mailbox_member values ('%s', '%s')" % (box, member))
        return box, members

    def lamp(self, user):
        phone = self.phone(user)
        phone.subscribe("message-summary", accept="application/simple-message-summary")
        self.wait_lamp(phone, "0/0")
        return phone

    def wait_lamp(self, phone, wanted):
        end, seen = time.monotonic() + 8 * SLOW, []
        while wanted not in seen[-1:]:
            self.assertGreater(end, time.monotonic(), (wanted, seen))
            seen += re.findall(r"Voice-Message:\s*(\d+/\d+)", phone.wait_notify(8).body)

    def test_all(self):
        def shared():
            box, members = self.team("shared")
            lamps = [self.lamp(member) for member in members]
            leave(self.call(self.user(), "*99" + box), [(700, 1.5)], greeting=False).dial("1")
            entry = self.count(box)[0].id
            for lamp in lamps:
                self.wait_lamp(lamp, "1/0")
            call = self.visit(members[0])
            call.dial("1")
            wait_tone(call, 700)
            self.wait_lamp(lamps[0], "0/1")
            self.assertEqual(self.server.psql("select member from entry_read where entry = '%s'" % entry), [[members[0]]])
            call.dial("38")
            until(lambda: self.server.psql("select claimed_by from entry where id = '%s'" % entry) == [[members[0]]], 10,
                  "the claim")
            other = self.visit(members[1])  # for whom it is new still
            other.dial("1")
            wait_tone(other, 700)
            self.wait_lamp(lamps[1], "0/1")
            other.dial("7")  # deleted for all
            for lamp in lamps:
                self.wait_lamp(lamp, "0/0")

        def dispatch():  # both hear it, the first who takes it has it
            box, members = self.team("dispatch")
            lamps = [self.lamp(member) for member in members]
            entry = seed(self.server, box, [(700, 1.5)])
            for lamp in lamps:
                self.wait_lamp(lamp, "1/0")
            calls = [self.visit(member) for member in members]
            for call in calls:
                call.dial("1")
            for call in calls:
                wait_tone(call, 700)
            calls[0].dial("38")
            until(lambda: self.row(entry).mailbox == members[0], 10, "the first to have it")
            self.wait_lamp(lamps[1], "0/0")
            calls[1].dial("38")
            time.sleep(1)
            self.assertEqual(self.row(entry).mailbox, members[0])
            self.assertFalse(calls[1].ended)
            calls[0].hangup()
            again = self.visit(members[0])
            again.dial("1")
            wait_tone(again, 700)

        def twice():  # he who takes it has it already, from elsewhere
            box, members = self.team("dispatch")
            own = seed(self.server, members[0], [(700, 1.5)])
            self.server.psql("update entry set folder = 'family' where id = '%s'" % own)
            self.server.psql("insert into entry (mailbox, message) select '%s', message from entry where id = '%s'" % (box, own))
            call = self.visit(members[0])
            call.dial("1")
            wait_tone(call, 700)
            call.dial("38")
            until(lambda: self.server.psql("select id from entry where mailbox = '%s'" % box) == [], 10, "one of it")
            call.dial("7")  # of which he hears
            until(lambda: self.row(own).deleted, 10, "the trash")

        self.together(shared, dispatch, twice)


if __name__ == "__main__":
    unittest.main()
