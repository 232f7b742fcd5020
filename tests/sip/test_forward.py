"""What is sent from a mailbox: forwarding with words before it, to several at once, answers by a call, and calls out."""
import time
import unittest

from harness import until
from mailbox import BEEP_HZ, Mail, entries, leave, pieces, seed, wait_tone


class TestForward(Mail):
    def listening(self, caller="9", hz=700):
        """An owner who hears his only message: (user, entry, call)."""
        user = self.user()
        entry = seed(self.server, user, [(hz, 1.5)], caller=caller)
        call = self.visit(user)
        call.dial("1")
        wait_tone(call, hz)
        return user, entry, call

    def blobs(self, mailbox):
        return [row[0] for row in self.server.psql(
            "select m.blob from entry e join message m on m.id = e.message where e.mailbox = '%s'" % mailbox)]

    def test_all(self):
        def with_an_introduction():  # heard before the message, whose own sound is left as it is
            receiver = self.user()
            user, entry, call = self.listening()
            call.dial("8%s#" % receiver)
            time.sleep(0.5)
            call.dial("1")
            leave(call, [(1300, 1.0)])
            call.dial("1")
            self.count(receiver)
            self.assertEqual(self.blobs(receiver), self.blobs(user))
            self.assertEqual(self.server.psql("select forwarded_by from entry where mailbox = '%s'" % receiver), [[user]])
            other = self.visit(receiver)
            other.dial("1")
            wait_tone(other, 1300)
            wait_tone(other, 700)

        def to_several():  # one is full, one is nobody; the others have it, and he hears who has not
            receivers = [self.user() for _ in range(3)]
            self.server.psql("update mailbox set max_messages = 1 where number = '%s'" % receivers[2])
            user, entry, call = self.listening()
            call.dial("8%s*%s*4711*%s#" % tuple(receivers), gap=0.05)
            seed(self.server, receivers[2], [(900, 1)])
            time.sleep(4)  # "there is no such mailbox"
            call.dial("2")
            for receiver in receivers[:2]:
                self.assertEqual(self.count(receiver)[0].message, self.row(entry).message)
            self.assertEqual(len(entries(self.server, receivers[2])), 1)
            self.assertFalse(call.ended)

        def compose_to_several():
            receivers = [self.user() for _ in range(2)]
            user = self.user()
            call = self.visit(user)
            call.dial("35%s*%s#" % tuple(receivers))
            leave(call, [(1300, 1.5)], greeting=False).dial("1")
            first, second = (self.count(receiver)[0] for receiver in receivers)
            self.assertEqual((first.message, first.caller), (second.message, user))

        def answered_by_a_call():  # he who called has no box; both talk, then the owner is in his box again
            caller = self.user()
            self.server.psql("update subscriber set mailbox = null where number = '%s'" % caller)
            self.server.psql("delete from mailbox where number = '%s'" % caller)
            phone = self.phone(caller, registered=True)
            user, entry, call = self.listening(caller=caller)
            self.server.psql("update mailbox set dial_out = '{2XXX}' where number = '%s'" % user)
            call.dial("31")
            other = phone.wait_call(15)
            self.assertEqual(other.caller, user)
            other.ring()
            other.answer(tone=1500)
            call.hears(1500)
            call.media.tone = 1100
            other.hears(1100)
            call.media.tone = None
            other.hangup()
            until(lambda: self.server.psql("select 1 from voicemail_call where mailbox = '%s' and number = '%s' "
                                           "and status = 200 and ended is not null" % (user, caller)), 5, "the call's row")
            begin = time.monotonic()
            call.dial("5")  # the same message again
            wait_tone(call, 700, since=begin)

        def not_allowed():  # without a pattern nobody is called
            caller = self.user()
            phone = self.phone(caller, registered=True)
            user, entry, call = self.listening(caller=caller)
            call.dial("32")
            until(lambda: self.server.psql("select 1 from voicemail_call where mailbox = '%s' and status = 403" % user), 5,
                  "the refusal's row")
            self.assertFalse(phone.calls)
            begin = time.monotonic()
            time.sleep(1)
            call.dial("5")
            wait_tone(call, 700, since=begin)

        def busy_and_given_up():  # a call that fails, and one that he ends himself, lead back
            callee = self.user()
            phone = self.phone(callee, registered=True)
            user, entry, call = self.listening()
            self.server.psql("update mailbox set dial_out = '{2XXX}' where number = '%s'" % user)
            call.dial("34%s#" % callee)
            phone.wait_call(15).reject(486)
            until(lambda: self.server.psql("select 1 from voicemail_call where mailbox = '%s' and status >= 480" % user), 5,
                  "the failure's row")
            time.sleep(3)  # "this call could not be connected"
            call.dial("34%s#" % callee)
            other = phone.wait_call(15)
            other.ring()
            time.sleep(0.5)
            call.dial("*")
            other.wait_ended()
            begin = time.monotonic()
            call.dial("5")
            wait_tone(call, 700, since=begin)

        self.together(with_an_introduction, to_several, compose_to_several, answered_by_a_call, not_allowed, busy_and_given_up)
        until(lambda: not list(self.server.cache.glob("*.wav")), 5, "an empty cache")


if __name__ == "__main__":
    unittest.main()
