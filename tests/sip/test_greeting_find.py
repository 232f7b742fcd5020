"""Whose mailbox it is, of calls that a PBX without any plan for voicemail sends on: its headers alone say so."""
import time
import unittest

from mailbox import Mail, leave, login, seed, wait_tone

SAID = [(700, 1.2)]


class Finding(Mail):
    def deposit(self, mailbox, cause, target="7000", caller="0207946", **more):
        """A message left through the pilot; it is in this mailbox."""
        call = self.pbx(caller).invite(target, **more).wait_answered()
        leave(call, SAID, greeting=False).dial("1")
        row = self.count(mailbox)[0]
        self.assertEqual(row.cause, cause)
        return row

    def history(self, *users):
        """History-Info of a call that went from user to user, each busy or silent, and then to the pilot."""
        uris, index = [], "1"
        for i, (user, cause) in enumerate(users):
            was = ";cause=%d" % users[i - 1][1] if i else ""
            uris.append("<sip:%s@pbx%s?Reason=SIP%%3Bcause%%3D%d>;index=%s%s" % (user, was, cause, index, ";mp=" + index[:-2] if i else ""))
            index += ".1"
        uris.append("<sip:7000@confab;cause=%d>;index=%s;mp=%s" % (users[-1][1], index, index[:-2]))
        return [("History-Info", ", ".join(uris))]

    def diversion(self, *hops):
        return [("Diversion", "<sip:%s@pbx>;reason=%s;counter=1" % hop) for hop in hops]

    def owner_enters(self, call):
        """He is taken for an owner, and asked for mailbox and PIN: a message of it is heard."""
        user = self.user()
        seed(self.server, user, [(700, 1.5)])
        time.sleep(0.4)
        call.dial(user + "#", gap=0.05)
        login(call)
        call.dial("1")
        wait_tone(call, 700)


class TestFirst(Finding):
    def test_finding(self):
        def target():
            user = self.user()
            self.deposit(user, "busy", "sip:7000@%s;target=sip%%3a%s%%40confab;cause=486" % (self.server.address, user),
                         headers=self.history((self.user(), 408)))

        def history():
            user = self.user()
            self.deposit(user, "busy", headers=self.history((user, 486), (self.user(), 408)))

        def history_of_strangers():  # who has no mailbox here is passed over, and the cause is that of whom it is
            user = self.user()
            self.deposit(user, "unavailable", headers=self.history(("4711", 486), (user, 408)))

        def history_unfinished():
            user = self.user()
            self.deposit(user, "unavailable", headers=[("History-Info", "<sip:%s@pbx>;index=1" % user)])

        def diversion():
            user = self.user()
            self.deposit(user, "busy", headers=self.diversion((self.user(), "no-answer"), (user, "user-busy"), ("4711", "time-of-day")))

        def called_party():
            user = self.user()
            self.deposit(user, "unavailable", headers=[("P-Called-Party-ID", "<sip:%s@pbx>" % user)])

        def subscriber():  # his mailbox has another number than he
            user, box = self.user(), self.user()
            self.server.psql("update subscriber set mailbox = '%s' where number = '%s'" % (box, user))
            self.deposit(box, "busy", headers=self.diversion((user, "user-busy")))

        def withheld():
            user = self.user()
            row = self.deposit(user, "busy", headers=self.diversion((user, "user-busy")) + [("Privacy", "id")])
            self.assertEqual(row.caller, "")

        def nobody():
            call = self.pbx().invite("7000", headers=self.diversion(("4711", "no-answer")))
            self.assertEqual(call.wait_ended().status, 404)

        def owner():
            self.owner_enters(self.pbx("0207946").invite("7000").wait_answered())
            self.owner_enters(self.pbx("0207946").invite("7000", headers=[("P-Called-Party-ID", "<sip:0207000@pbx>")]).wait_answered())

        def stranger():  # a user's phone does not say who sent a call on
            user, liar = self.user(), self.phone(self.user())
            call = liar.invite("7000", headers=self.diversion((user, "user-busy"))).wait_answered()
            self.owner_enters(call)

        self.together(target, history, history_of_strangers, history_unfinished, diversion, called_party, subscriber, withheld,
                      nobody, owner, stranger)


class TestLast(Finding):
    SETTINGS = "voicemail { message_silence = 3 diverted_to = \"last\" }"

    def test_last(self):
        def history():
            user = self.user()
            self.deposit(user, "unavailable", headers=self.history((self.user(), 486), (user, 408), ("4711", 302)))

        def diversion():
            user = self.user()
            self.deposit(user, "busy", headers=self.diversion((user, "user-busy"), (self.user(), "no-answer")))

        self.together(history, diversion)


if __name__ == "__main__":
    unittest.main()
