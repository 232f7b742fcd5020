"""Greetings: which of them a caller hears, how their owner makes them, his first visit, and the way in by '*'."""
import time
import unittest

from harness import until
from mailbox import BEEP_HZ, PIN, Mail, leave, login, pieces, seed, seed_greeting, spans, wait_speech, wait_tone

OPEN, SHUT = "mon-sun", "2001-01-01"
STANDARD, BUSY, SILENT, AWAY, CLOSED, FAMILY = 600, 800, 1200, 1500, 1800, 2100  # a tone for each greeting
TONES = (STANDARD, BUSY, SILENT, AWAY, CLOSED, FAMILY)


class TestGreetings(Mail):
    def greetings(self, *more):
        """A mailbox with a standard greeting, and these: ("busy", BUSY), ("caller", FAMILY, "2010", None)."""
        user = self.user()
        for row in (("unavailable", STANDARD), *more):
            seed_greeting(self.server, user, *row)
        return user

    def hours(self, user, hours):
        self.server.psql("update mailbox set open_hours = '%s' where number = '%s'" % (hours, user))

    def heard(self, user, caller=None, reject=None, registered=False, **more):
        """The tones of greetings that a caller hears before the beep."""
        phone = self.phone(user, registered=True) if reject or registered else None
        call = self.phone(caller or self.user()).invite(user, **more)
        if phone:
            other = phone.wait_call()
            if reject:
                other.reject(reject)
        begin = time.monotonic()
        beep = wait_tone(call.wait_answered(15), BEEP_HZ, since=begin)
        call.hangup()
        tones = [hz for hz, _, _ in spans(call.media.samples(begin, beep), TONES)]
        return [hz for i, hz in enumerate(tones) if not i or hz != tones[i - 1]]  # a machine in a hurry parts them

    def which_is_heard(self):
        everything = (("busy", BUSY), ("no-answer", SILENT), ("closed", CLOSED))

        def by_cause():
            user = self.greetings(*everything)
            self.assertEqual(self.heard(user), [STANDARD])
            self.assertEqual(self.heard(user, reject=486), [BUSY])

        def no_answer():
            self.assertEqual(self.heard(self.greetings(*everything), registered=True), [SILENT])

        def closed():
            user = self.greetings(*everything)
            self.hours(user, SHUT)
            self.assertEqual(self.heard(user, reject=486), [CLOSED])

        def hours():
            user = self.greetings(*everything)
            self.hours(user, OPEN)
            self.assertEqual(self.heard(user), [STANDARD])
            self.server.psql("insert into holiday (mailbox, first_day, last_day, name) values "
                             "('%s', current_date - 1, current_date + 1, 'Fair')" % user)
            self.assertEqual(self.heard(user), [CLOSED])

        def away():
            user = self.greetings(*everything, ("temporary", AWAY, "", "now() + interval '1 day'"))
            self.hours(user, SHUT)
            self.assertEqual(self.heard(user), [AWAY])
            self.server.psql("update greeting set ends = now() where mailbox = '%s' and kind = 'temporary'" % user)
            self.assertEqual(self.heard(user), [CLOSED])  # it has ended by itself

        def family():
            caller, other = self.user(), self.user()
            user = self.greetings(*everything, ("temporary", AWAY), ("caller", FAMILY, "0207. " + caller))
            self.assertEqual(self.heard(user, caller), [FAMILY])
            self.assertEqual(self.heard(user, other), [AWAY])
            self.assertEqual(self.heard(user, caller, headers=[("Privacy", "id")]), [AWAY])

        def broken():
            user = self.greetings(("busy", BUSY))
            self.server.psql("update blob set audio = '\\x00' where id = (select blob from greeting where mailbox = '%s' "
                             "and kind = 'busy')" % user)
            self.assertEqual(self.heard(user, reject=486), [STANDARD])
            self.server.psql("update blob set audio = '\\x00' where id in (select blob from greeting where mailbox = '%s')" % user)
            self.assertEqual(self.heard(user, reject=486), [])  # the server's words, and the beep all the same

        return [no_answer, by_cause, closed, hours, away, family, broken]

    def box_that_only_speaks(self):
        def speaks():
            user = self.greetings()
            self.server.psql("update mailbox set kind = 'greeting' where number = '%s'" % user)
            for number in (user, "*99" + user):
                call = self.call(self.user(), number)
                begin = wait_tone(call, STANDARD)
                self.assertEqual(call.wait_ended(15).method, "BYE")
                self.assertEqual(pieces(call, begin, (BEEP_HZ,)), [])

        def operator():
            user, helper = self.greetings(), self.user()
            self.server.psql("update mailbox set kind = 'greeting', operator = '%s' where number = '%s'" % (helper, user))
            other = self.phone(helper, registered=True)
            call = self.call(self.user(), user)
            wait_tone(call, STANDARD)
            taken = other.wait_call(15)
            taken.answer()
            taken.media.tone = 2500
            wait_tone(call, 2500)

        def operator_away():
            user = self.greetings()
            self.server.psql("update mailbox set kind = 'greeting', operator = '%s' where number = '%s'" % ("4711", user))
            call = self.call(self.user(), user)
            since = wait_tone(call, STANDARD) + 1.2
            wait_speech(call)  # good-bye
            self.assertEqual(call.wait_ended(20).method, "BYE")
            self.assertEqual(pieces(call, since, (STANDARD,)), [])

        return [speaks, operator, operator_away]

    def way_in(self):
        def owner():
            user = self.greetings()
            seed(self.server, user, [(700, 1.5)])
            call = self.call(self.user(), user)
            wait_tone(call, STANDARD)
            call.dial("*")
            login(call)
            call.dial("1")
            wait_tone(call, 700)

        def outside(allowed):
            def flow():
                user = self.greetings()
                self.server.psql("update mailbox set login_from_greeting = %s where number = '%s'" % (allowed, user))
                seed(self.server, user, [(700, 1.5)])
                call = self.pbx("0207946").invite(user).wait_answered()
                wait_tone(call, STANDARD)
                call.dial("*")
                login(call)
                call.dial("1")
                wait_tone(call, 700 if allowed else BEEP_HZ)
            flow.__name__ = "outside_allowed" if allowed else "outside"
            return flow

        return [owner, outside(True), outside(False)]

    def rows(self, user):
        return sorted(self.server.psql("select kind, callers from greeting where mailbox = '%s'" % user))

    def hash(self, user):
        return self.server.psql("select pin_hash from mailbox where number = '%s'" % user)

    def first_pin(self, user, old, new):
        """A visit that begins with a PIN of his own."""
        before = self.hash(user)
        call = self.visit(user, pin=old)
        time.sleep(0.5)
        for _ in range(2):
            call.dial(new + "#", gap=0.05)
            time.sleep(0.5)
        until(lambda: self.hash(user) != before, 20, "the new PIN")
        return call

    def making(self):
        def closed():
            user = self.user()
            self.hours(user, SHUT)
            call = self.visit(user)
            call.dial("072")
            leave(call, [(CLOSED, 1.0)]).dial("1")
            until(lambda: [tuple(row) for row in self.rows(user)] == [("closed", "")], 10, "the row")
            self.assertEqual(self.heard(user), [CLOSED])

        def for_a_caller():
            user, caller = self.user(), self.user()
            call = self.visit(user)
            call.dial("073" + caller + "#")
            leave(call, [(FAMILY, 1.0)]).dial("1")
            until(lambda: self.rows(user), 10, "the row")
            self.assertEqual(self.heard(user, caller), [FAMILY])

        def heard_and_erased():
            user = self.greetings()
            call = self.visit(user)
            call.dial("01")
            wait_speech(call)
            call.dial("3")
            wait_tone(call, STANDARD)
            call.dial("2")
            until(lambda: not self.rows(user), 10, "the erasure")

        def with_an_end():
            user = self.user()
            call = self.visit(user)
            call.dial("04")
            leave(call, [(AWAY, 1.0)]).dial("1")
            until(lambda: self.rows(user), 10, "the row")
            call.dial("1224")
            until(lambda: self.server.psql("select 1 from greeting where mailbox = '%s' and ends > now() "
                                           "and to_char(ends at time zone 'Europe/London', 'MMDD HH24:MI') = '1225 00:00'" % user),
                  10, "the end")
            call.hangup()
            self.assertEqual(self.heard(user), [AWAY])

        def first_visit():
            user = self.user()
            self.server.psql("update mailbox set tutorial = true where number = '%s'" % user)
            self.first_pin(user, PIN, "284095").hangup()  # who hangs up on the way is led through it again
            call = self.first_pin(user, "284095", "395106")
            leave(call, [(STANDARD, 1.0)]).dial("1")
            until(lambda: self.rows(user), 10, "the name")
            leave(call, [(BUSY, 1.0)]).dial("1")
            until(lambda: self.server.psql("select 1 from mailbox where number = '%s' and not tutorial" % user), 15,
                  "the end of the tutorial")
            call.hangup()
            self.assertEqual(self.heard(user), [BUSY])

        return [first_visit, closed, for_a_caller, heard_and_erased, with_an_end]

    def test_greetings(self):
        self.together(*self.making(), *self.which_is_heard(), *self.box_that_only_speaks(), *self.way_in())


if __name__ == "__main__":
    unittest.main()
