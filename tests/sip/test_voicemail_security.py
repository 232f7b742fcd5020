"""Voicemail's locks as owners, guessers and callers meet them: who is let in, what is written down, what still fits."""
import unittest

from mailbox import BEEP_HZ, Mail, entries, leave, login, pieces, seed, wait_speech, wait_tone

HEARD = (700, 1300)


class Security(Mail):
    def audit(self, mailbox):
        return [tuple(row) for row in self.server.psql(
            "select act, source, caller from audit where mailbox = '%s' order by id" % mailbox)]

    def guess(self, caller, number, mailbox, times):
        """Types wrong PINs, three a call, until the server hangs up."""
        for _ in range(times // 3):
            call = self.call(caller, number)
            for _ in range(3):
                wait_speech(call)
                call.dial(mailbox + "#", gap=0.05)
                wait_speech(call)
                login(call, "864213")
            call.wait_ended(25)

    def test_locks(self):
        def guesser():  # is locked out by what he is, and the owner is neither locked out nor left in the dark
            thief, owner = self.user(), self.user()
            seed(self.server, owner, [(700, 1)])
            self.guess(thief, "*98", owner, 6)
            (until_,), = self.server.psql("select locked_until > now() from pin_guess where source = 'caller %s'" % thief)
            self.assertEqual(until_, "t")
            leave(self.call(thief, "*99" + owner), [(1300, 1.0)], greeting=False).dial("1")  # a deposit is never blocked
            self.count(owner, 2)
            call = self.visit(owner)
            wait_speech(call)
            call.dial("1")
            wait_tone(call, 700, 40)
            self.assertEqual(self.audit(owner)[:7], [("login-refused", "phone", thief)] * 6 + [("login", "phone", owner)])

        def trusted():  # by digest from its own phone; the same mailbox from another phone asks
            owner, other = self.user(), self.user()
            seed(self.server, owner, [(700, 1)])
            self.server.psql("update mailbox set trusted_phone = true where number = '%s'" % owner)
            call = self.call(owner, "*97")
            call.dial("1")
            wait_tone(call, 700, 30)
            self.assertEqual(self.audit(owner)[:2], [("settings", "psql", ""), ("login", "phone", owner)])
            call = self.call(other, "*98")
            call.dial(owner + "#")
            call.dial("1")
            call.wait_ended(40)
            self.assertEqual(pieces(call, 0, HEARD), [])

        def untrusting():  # the default: no PIN, no messages
            owner = self.user()
            seed(self.server, owner, [(700, 1)])
            call = self.call(owner, "*97")
            call.dial("1#")
            call.wait_ended(40)
            self.assertEqual(pieces(call, 0, HEARD), [])

        def quota():  # what is left of it bounds the next message; then the caller is told before he speaks
            owner = self.user()
            self.server.psql("update mailbox set max_seconds = 2 where number = '%s'" % owner)
            leave(self.call(self.user(), "*99" + owner), [(700, 4)], key=None, greeting=False).dial("1")
            row, = self.count(owner)
            self.assertLess(row.ms, 2500)
            self.assertGreater(row.ms, 1500)
            call = self.call(self.user(), "*99" + owner)
            wait_speech(call)
            call.wait_ended(15)
            self.assertEqual(pieces(call, 0, (BEEP_HZ,)), [])
            self.assertEqual(len(entries(self.server, owner)), 1)

        self.together(guesser, trusted, untrusting, quota)


if __name__ == "__main__":
    unittest.main()
