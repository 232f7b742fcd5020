"""Live screening: the owner listens while a message is left, and takes the call."""
import unittest

from harness import until
from mailbox import Mail, leave, login, pieces, spans, stored, wait_speech


class TestScreenLive(Mail):
    SETTINGS = "sip { ring = 2 }\nvoicemail { message_silence = 10 }"

    def leaving(self, owner):
        """A caller who speaks on and on."""
        call = leave(self.call(self.user(), "*99" + owner), (), None, greeting=False)
        call.media.tone = 700
        return call

    def assert_silent_listener(self, caller, listener):
        self.assertTrue(listener.hears(700))
        listener.media.tone = 1300
        self.assertTrue(caller.deaf_to(1300))

    def assert_taken(self, caller, listener):
        listener.dial("1")
        self.assertTrue(caller.hears(1300))
        self.assertTrue(listener.hears(700))

    def own_phone(self):
        owner = self.user()
        caller = self.leaving(owner)
        listener = self.call(owner, "*96" + owner)
        self.assert_silent_listener(caller, listener)
        self.assert_taken(caller, listener)
        row = self.count(owner)[0]  # what he had said is kept, and no more is recorded
        self.assertGreater(row.ms, 1000)
        listener.hangup()
        self.assertEqual(caller.wait_ended().method, "BYE")
        self.assertEqual([hz for hz, _, _ in spans(stored(self.server, owner), (700, 1300))], [700])

    def caller_ends_it(self):
        owner = self.user()
        caller = self.leaving(owner)
        listener = self.call(owner, "*96" + owner)
        self.assert_silent_listener(caller, listener)
        self.assert_taken(caller, listener)
        caller.hangup()
        self.assertEqual(listener.wait_ended().method, "BYE")

    def another_phone(self):
        owner = self.user()
        caller = self.leaving(owner)
        listener = self.call(self.user(), "*96" + owner)
        login(listener)
        self.assert_silent_listener(caller, listener)

    def another_phone_without_the_pin(self):
        owner = self.user()
        self.leaving(owner)
        listener = self.call(self.user(), "*96" + owner)
        for _ in range(3):
            wait_speech(listener)
            login(listener, "864213")
        self.assertEqual(pieces(listener, 0, (700,)), [])

    def only_listens(self):
        owner = self.user()
        caller = self.leaving(owner)
        listener = self.call(owner, "*96" + owner)
        self.assert_silent_listener(caller, listener)
        listener.hangup()
        caller.media.tone = None
        caller.dial("#")
        wait_speech(caller)
        caller.dial("1")
        self.count(owner)

    def message_ends(self):
        owner = self.user()
        caller = self.leaving(owner)
        listener = self.call(owner, "*96" + owner)
        self.assert_silent_listener(caller, listener)
        caller.hangup()
        self.assertEqual(listener.wait_ended().method, "BYE")
        self.count(owner)

    def nobody_is_there(self):
        owner = self.user()
        self.assertEqual(self.phone(owner).invite("*96" + owner).wait_ended().status, 480)

    def phones_are_called(self):
        """Whoever has the mailbox, under whatever number; the others' phones ring no longer when one of them listens."""
        owner, other = self.user(), self.user()
        self.server.psql("update mailbox set screen = true where number = '%s'; "
                         "update subscriber set mailbox = '%s' where number = '%s'" % (owner, owner, other))
        phones = [self.phone(number, registered=True) for number in (owner, other)]
        caller = self.leaving(owner)
        ringing, listener = [phone.wait_call() for phone in phones]
        self.assertIn("answer-after=0", listener.invitation.get("Call-Info"))
        ringing.ring()
        listener.answer(tone=None)
        ringing.wait_ended()
        self.assert_silent_listener(caller, listener)
        self.assert_taken(caller, listener)
        self.count(owner)

    def phones_ring_no_longer(self):
        owner = self.user()
        self.server.psql("update mailbox set screen = true where number = '%s'" % owner)
        phone = self.phone(owner, registered=True)
        caller = self.leaving(owner)
        listener = phone.wait_call()
        listener.ring()
        caller.hangup()
        listener.wait_ended()

    def test_screen_live(self):
        self.together(self.own_phone, self.caller_ends_it, self.another_phone, self.another_phone_without_the_pin,
                      self.only_listens, self.message_ends, self.nobody_is_there, self.phones_are_called,
                      self.phones_ring_no_longer)
        until(lambda: not list((self.server.spool / "open").iterdir()), 5, "an empty spool")


if __name__ == "__main__":
    unittest.main()
