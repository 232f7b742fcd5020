"""The directory: a caller reaches, and an owner writes to, somebody whose number he does not know."""
import time
import unittest

from harness import PLAN
from mailbox import Mail, leave, seed, wait_speech, wait_tone


class TestDirectory(Mail):
    PLAN = PLAN + 'number "*96" { application = "voicemail" argument = "directory" }\n'

    def named(self, name):
        user = self.user()
        self.server.psql("update mailbox set name = '%s' where number = '%s'" % (name, user))
        return user

    def test_all(self):
        def caller(number, first=""):
            def flow():  # by the second word of the name; the umlaut is typed as its letter
                user = self.named("Xavér Ödipus%s" % number.strip("*"))
                phone = self.phone(user, registered=True)
                call = self.call(self.user(), number)
                time.sleep(0.5)
                if first:
                    call.dial(first)
                call.dial("92837#" if number == "7000" else "634787#")
                wait_speech(call)
                names = self.server.psql("select number from mailbox where name like 'Xav%' order by name, number")
                call.dial("*" * names.index([user]) + "1")
                other = phone.wait_call(15)
                other.ring()
                other.answer(tone=1500)
                call.hears(1500)
            flow.__name__ = "caller_at_" + number
            return flow

        def owner():
            wanted, user = self.named("Zaq Quill"), self.user()
            call = self.visit(user)
            call.dial("35*#")
            time.sleep(0.5)
            call.dial("78455#")
            wait_speech(call)
            call.dial("1")
            time.sleep(1)
            call.dial("#")
            leave(call, [(1300, 1.5)], greeting=False).dial("1")
            self.assertEqual(self.count(wanted)[0].caller, user)

        def nobody():
            call = self.call(self.user(), "*96")
            for _ in range(3):
                time.sleep(0.5)
                call.dial("9999#")
                time.sleep(3)
            self.assertEqual(call.wait_ended(20).method, "BYE")

        self.together(caller("*96"), owner, nobody)
        self.together(caller("7000", "*#"))


if __name__ == "__main__":
    unittest.main()
