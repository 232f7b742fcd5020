"""Lists: one message for many, made by phone or by an administrator, and one for everybody."""
import time
import unittest

from harness import PLAN, until
from mailbox import Mail, entries, leave, seed, wait_speech, wait_tone


class TestLists(Mail):
    PLAN = PLAN + 'number "8000" { application = "voicemail" argument = "deposit" }\n'

    def make(self, number, *members, more=""):
        self.server.psql("insert into distribution (number%s) values ('%s'%s)" % (more and ", everybody", number, more))
        for member in members:
            self.server.psql("insert into distribution_member select id, '%s' from distribution where number = '%s'"
                             % (member, number))

    def test_all(self):
        def system_list():  # a caller reaches all whose boxes have room; lists hold lists, in a circle even
            first, second, full = (self.user() for _ in range(3))
            self.server.psql("update mailbox set max_messages = 1 where number = '%s'" % full)
            seed(self.server, full, [(900, 1)])
            self.make("8000", first, full, "8001")
            self.make("8001", second, "8000")
            leave(self.call(self.user(), "8000"), [(700, 1.5)], greeting=False).dial("1")
            one, other = self.count(first)[0], self.count(second)[0]
            self.assertEqual(one.message, other.message)
            self.assertEqual(len(entries(self.server, full)), 1)
            self.assertEqual(self.server.psql("select mailbox, reason from undelivered where message = '%s'" % one.message),
                             [[full, "full"]])
            self.server.wait_log("message-missed id=%s mailbox=%s reason=full" % (one.message, full))
            owner = self.visit(second)
            owner.dial("1")
            wait_tone(owner, 700)

        def own_list():  # made by phone, used by its number, by nobody else
            user, first, second = (self.user() for _ in range(3))
            call = self.visit(user)
            call.dial("08")
            call.dial("55#")
            wanted = "select m.number from distribution_member m join distribution d on d.id = m.list where d.owner = '%s'" % user
            for number in (first, second, self.user()):
                time.sleep(0.5)
                call.dial("1%s#" % number)
                until(lambda: [number] in self.server.psql(wanted), 10, "%s in the list" % number)
            time.sleep(1)
            call.dial("2%s#" % number)
            until(lambda: len(self.server.psql(wanted)) == 2, 10, "the last to be taken away")
            time.sleep(1)
            call.dial("**")
            time.sleep(0.5)
            call.dial("3555#")
            leave(call, [(1300, 1.5)], greeting=False).dial("1")
            self.assertEqual(self.count(first)[0].message, self.count(second)[0].message)
            self.assertEqual(entries(self.server, number), [])
            self.assertEqual(self.phone(self.user()).invite("*9955").wait_ended().status, 404)

        def everybody():  # who may not is told so; it comes first, once, and fills no box
            user, receiver = self.user(), self.user()
            seed(self.server, receiver, [(900, 1.0)], age_s=600)
            self.server.psql("update mailbox set max_messages = 2 where number = '%s'" % receiver)
            self.make("8999", more=", true")
            self.assertEqual(self.phone(self.user()).invite("*998999").wait_ended().status, 404)
            call = self.visit(user)
            call.dial("358999#")
            wait_speech(call)
            time.sleep(2)
            self.server.psql("update mailbox set may_broadcast = true where number = '%s'" % user)
            call.dial("358999#")
            leave(call, [(1300, 1.5)], greeting=False).dial("1")
            self.count(receiver, 2)
            owner = self.visit(receiver)
            owner.dial("1")
            wait_tone(owner, 1300)
            until(lambda: [e for e in entries(self.server, receiver) if e.heard], 10, "the broadcast to be heard")
            owner.dial("6")
            wait_tone(owner, 900)
            owner.hangup()
            leave(self.call(self.user(), "*99" + receiver), [(700, 1.5)], greeting=False).dial("1")
            self.count(receiver, 3)

        self.together(system_list, own_list)
        self.together(everybody)


if __name__ == "__main__":
    unittest.main()
