"""Owners are called when they have new messages: their numbers in order, until one answers and it is he."""
import time
import unittest

from harness import until
from mailbox import Mail, login, seed, wait_speech, wait_tone


class TestCallout(Mail):
    def plan(self, owner, *rows):
        for place, (number, more) in enumerate(rows):
            names = "".join(", " + name for name in more)
            values = "".join(", '%s'" % value for value in more.values())
            self.server.psql("insert into callout (mailbox, place, number, retry_s%s) values ('%s', %d, '%s', 1%s)" % (
                names, owner, place, number, values))

    def due(self, owner):
        return self.server.psql("select place from callout_due where mailbox = '%s'" % owner)

    def accept(self, phone):
        call = phone.wait_call(15)
        call.answer()
        wait_speech(call)
        call.dial("1")
        return call

    def test_owners_are_called(self):
        def order():  # the one who refuses twice, one who is never called, and he
            owner, first, never, last = (self.user() for _ in range(4))
            busy, silent, phone = (self.phone(n, registered=True) for n in (first, never, last))
            self.plan(owner, (first, {"tries": 2}), (never, {"schedule": "2020-01-01"}), (last, {}))
            entry = seed(self.server, owner, [(700, 1.5)])
            for _ in range(2):
                busy.wait_call(15).reject(486)
            call = self.accept(phone)
            until(lambda: not self.due(owner), 10, "no more calls")
            wait_speech(call)
            login(call)
            time.sleep(0.5)
            call.dial("1")
            wait_tone(call, 700)
            until(lambda: self.row(entry).heard, 15, "it was heard")
            call.hangup()
            self.assertTrue(silent.incoming.empty())
            self.assertTrue(busy.incoming.empty())

        def stranger():  # who presses 1 and knows no PIN hears nothing of it
            owner, number = self.user(), self.user()
            phone = self.phone(number, registered=True)
            self.plan(owner, (number, {}))
            entry = seed(self.server, owner, [(700, 1.5)])
            call = self.accept(phone)
            wait_speech(call)
            for _ in range(3):
                login(call, "000222")
                time.sleep(2.5)
            call.wait_ended(30)
            self.assertFalse(self.row(entry).heard)

        def machine():  # who answers and never presses 1 is not he: the next number
            owner, number, next_one = (self.user() for _ in range(3))
            phone, other = self.phone(number, registered=True), self.phone(next_one, registered=True)
            self.plan(owner, (number, {}), (next_one, {}))
            seed(self.server, owner, [(700, 1.5)])
            call = phone.wait_call(15)
            call.answer()
            wait_speech(call)
            call.hangup()
            other.wait_call(15).reject(603)
            until(lambda: not self.due(owner), 15, "the end")

        def heard():  # before his turn comes
            owner, number = self.user(), self.user()
            phone = self.phone(number, registered=True)
            self.plan(owner, (number, {"wait_s": 3}))
            entry = seed(self.server, owner, [(700, 1.5)])
            self.assertEqual(self.due(owner), [["0"]])
            self.server.psql("update entry set heard = true where id = '%s'" % entry)
            until(lambda: not self.due(owner), 15, "no calls")
            self.assertTrue(phone.incoming.empty())

        self.together(order, stranger, machine, heard)


if __name__ == "__main__":
    unittest.main()
