"""Recording a message: what is in it, what the caller may say about it, and how he goes on with it."""
import time
import unittest

from harness import until
from mailbox import BEEP_HZ, Mail, entries, leave, say, spans, stored, wait_speech, wait_tone

SAID = (700, 1300)
ENGAGED_HZ = 425  # ITU-T E.180: half a second on, half a second off


class TestMessageRecording(Mail):
    SETTINGS = "sip { ring = 2 }\nvoicemail { message_silence = 3 message_gap = 5 }"

    def leave(self, mailbox, tones, key="#", caller=None):
        return leave(self.call(caller or self.user(), "*99" + mailbox), tones, key, greeting=False)

    def held(self, mailbox, candidates=SAID):
        """Tones of the only message, with their begins and ends in seconds."""
        return spans(stored(self.server, mailbox), candidates)

    def lengths(self, mailbox, candidates=SAID):
        return [(hz, end - begin) for hz, begin, end in self.held(mailbox, candidates)]

    def assert_tones(self, heard, said, tolerance=0.35):  # so many phones in one process are not always in time
        super().assert_tones(heard, said, tolerance)

    def engaged(self, call, times=3):
        say(call, [(ENGAGED_HZ, 0.5), (0, 0.5)] * times)

    # -- what is in it ---------------------------------------------------------------------------------------------------

    def what_is_in_it(self):
        def first_and_last():  # he speaks before the beep is over, and presses '#' on his last word
            user = self.user()
            call = self.call(self.user(), "*99" + user)
            call.media.tone = 700
            wait_tone(call, BEEP_HZ)
            time.sleep(2)
            call.dial("#")
            call.media.tone = None
            time.sleep(0.3)
            call.dial("1")
            self.count(user)
            held = self.held(user)
            self.assertEqual(held[0][1], 0)
            self.assertLess(len(stored(self.server, user)) / 8000 - held[-1][2], 0.4)

        def engaged_at_the_end():
            user = self.user()
            call = self.leave(user, [(700, 1.5)], None)
            self.engaged(call)
            call.hangup()
            self.assertLess(self.count(user)[0].ms, 3000)
            self.assert_tones(self.lengths(user, (700, ENGAGED_HZ)), [(700, 1.5)])

        def nothing_but_engaged():
            user = self.user()
            call = self.leave(user, [], None)
            self.engaged(call)
            call.hangup()
            self.leave(user, [(1300, 1.5)], None).hangup()
            until(lambda: [e for e in entries(self.server, user) if e.ms > 1300], 10, "the second message")
            self.assert_tones(self.lengths(user, (ENGAGED_HZ, 1300)), [(1300, 1.5)])

        def engaged_in_the_middle():
            user = self.user()
            call = self.leave(user, [(700, 1.0)], None)
            self.engaged(call, 2)
            say(call, [(1300, 1.0)])
            call.hangup()
            self.count(user)
            self.assertEqual([hz for hz, _ in self.lengths(user, SAID + (ENGAGED_HZ,))], [700, ENGAGED_HZ, ENGAGED_HZ, 1300])

        def nothing_comes():  # a phone that sends nothing in pauses: they are as long as they were
            user = self.user()
            call = self.leave(user, [(700, 1.0)], None)
            call.media.sending, quiet = False, time.monotonic()
            time.sleep(3.6)  # longer than the silence that ends a message
            call.media.sending, quiet = True, time.monotonic() - quiet
            say(call, [(1300, 1.0)])
            call.hangup()
            self.count(user)
            (first, _, end), (second, begin, _) = self.held(user)
            self.assertEqual((first, second), SAID)
            self.assertAlmostEqual(begin - end, quiet, delta=0.4)

        def nothing_comes_any_more():
            user = self.user()
            call = self.leave(user, [(700, 1.5)], None)
            call.media.sending = False
            wait_speech(call, 10)  # the review
            call.hangup()
            self.assertLess(self.count(user)[0].ms, 3000)

        def warned():
            user = self.user()
            self.server.psql("update mailbox set max_message_s = 20 where number = '%s'" % user)
            call = self.leave(user, [], None)
            call.media.tone = 700
            wait_speech(call, 10)  # "fifteen seconds left", while he speaks
            time.sleep(2)
            call.dial("#")
            call.media.tone = None
            time.sleep(0.3)
            call.dial("1")
            self.count(user)
            held = self.held(user)  # from beginning to end, and nothing beside it
            self.assertGreater(sum(end - begin for _, begin, end in held), 5)
            self.assertLess(len(stored(self.server, user)) / 8000 - sum(end - begin for _, begin, end in held), 1.2)

        return [warned, first_and_last, engaged_at_the_end, nothing_but_engaged, engaged_in_the_middle, nothing_comes,
                nothing_comes_any_more]

    # -- what he says about it -------------------------------------------------------------------------------------------

    def mark(self, message, column):
        return self.server.psql("select %s from message where id = '%s'" % (column, message))[0][0] == "t"

    def add(self, call, tones, key=None):
        begin = time.monotonic()  # the beep comes at once
        call.dial("5")
        beep = wait_tone(call, BEEP_HZ, since=begin)
        time.sleep(0.4)
        say(call, tones)
        if key:
            call.dial(key)
            time.sleep(0.3)
        call.left_s += time.monotonic() - beep
        return call

    def review(self):
        def added():
            user = self.user()
            call = self.leave(user, [(700, 1.5)])
            self.add(call, [(1300, 1.0)], "#")
            call.dial("1")
            self.assert_length(self.count(user)[0], call)
            self.assert_tones(self.lengths(user), [(700, 1.5), (1300, 1.0)])

        def added_and_cut_off():
            user = self.user()
            call = self.leave(user, [(700, 1.5)])
            self.add(call, [(1300, 1.0)]).hangup()
            self.count(user)
            self.assert_tones(self.lengths(user), [(700, 1.5), (1300, 1.0)])

        def private():
            user, other = self.user(), self.user()
            call = self.leave(user, [(700, 1.5)])
            call.dial("6")
            time.sleep(0.5)
            call.dial("1")
            self.assertTrue(self.mark(self.count(user)[0].message, "private"))
            owner = self.visit(user)
            owner.dial("1")
            wait_tone(owner, 700)
            owner.dial("8%s#" % other)
            time.sleep(1)
            owner.dial("27")  # as it is, and then what the message's menu has
            until(lambda: entries(self.server, user)[0].deleted, 10, "the deletion: he is in the message's menu still")
            self.assertEqual(entries(self.server, other), [])

        def taken_back():
            user = self.user()
            call = self.leave(user, [(700, 1.5)])
            for key in "66441":
                call.dial(key)
                time.sleep(0.5)
            row = self.count(user)[0]
            self.assertFalse(self.mark(row.message, "private") or row.urgent)

        def receipt():
            user, caller = self.user(), self.user()
            call = self.leave(user, [(700, 1.5)], caller=caller)
            call.dial("7")
            time.sleep(0.5)
            call.dial("1")
            message = self.count(user)[0].message
            self.assertTrue(self.mark(message, "receipt"))
            self.assertEqual(self.server.psql("select 1 from receipt where mailbox = '%s'" % caller), [])
            owner = self.visit(user)
            owner.dial("1")
            wait_tone(owner, 700)
            until(lambda: self.server.psql("select heard_by from receipt where mailbox = '%s'" % caller) == [[user]], 10,
                  "the receipt")
            self.visit(caller)
            until(lambda: not self.server.psql("select 1 from receipt where mailbox = '%s'" % caller), 10, "its being told")

        return [added, added_and_cut_off, private, taken_back, receipt]

    # -- the operator ----------------------------------------------------------------------------------------------------

    def helped(self):
        user, helper = self.user(), self.user()
        self.server.psql("update mailbox set operator = '%s' where number = '%s'" % (helper, user))
        return user, self.phone(helper, registered=True)

    def operator(self):
        def in_the_greeting():
            user, helper = self.helped()
            call = self.call(self.user(), "*99" + user)
            time.sleep(0.5)
            call.dial("0")
            other = helper.wait_call()
            other.answer(tone=1300)
            self.assertTrue(call.hears(1300))
            self.assertEqual(entries(self.server, user), [])

        def in_the_message():
            user, helper = self.helped()
            call = self.leave(user, [(700, 1.5)], "0")
            self.count(user)
            other = helper.wait_call(timeout=15)
            other.answer(tone=1300)
            self.assertTrue(call.hears(1300))
            self.assert_tones(self.lengths(user), [(700, 1.5)])

        def in_vain():
            user, helper = self.helped()
            self.server.psql("update subscriber set mailbox = null where number = '%s'" % helper.user)
            call = self.call(self.user(), "*99" + user)
            time.sleep(0.5)
            call.dial("0")
            helper.wait_call().reject(603)
            wait_speech(call)
            self.assertEqual(call.wait_ended(15).method, "BYE")

        return [in_the_greeting, in_the_message, in_vain]

    # -- cut off ---------------------------------------------------------------------------------------------------------

    def cut_off(self):
        def goes_on():
            user, caller = self.user(), self.user()
            before = self.leave(user, [(700, 1.5)], None, caller)
            before.hangup()
            first = self.count(user)[0]
            call = self.call(caller, "*99" + user)
            time.sleep(0.5)
            call.dial("1")
            leave(call, [(1300, 1.0)]).dial("1")
            call.left_s += before.left_s
            row, = until(lambda: [e for e in entries(self.server, user) if e.ms > first.ms], 10, "the second part")
            self.assertEqual((row.id, len(entries(self.server, user))), (first.id, 1))
            self.assert_length(row, call)
            self.assert_tones(self.lengths(user), [(700, 1.5), (1300, 1.0)])
            blobs = self.server.psql("select count(*) from blob b join message m on m.blob = b.id where m.id = '%s'" % row.message)
            self.assertEqual(int(blobs[0][0]), 1)

        def begins_anew():
            user, caller = self.user(), self.user()
            self.leave(user, [(700, 1.5)], None, caller).hangup()
            self.count(user)
            call = self.call(caller, "*99" + user)
            time.sleep(0.5)
            call.dial("2")
            leave(call, [(1300, 1.0)]).dial("1")
            self.count(user, 2)

        def had_said_all():  # he is not asked
            user, caller = self.user(), self.user()
            self.leave(user, [(700, 1.5)], "#", caller).dial("1")
            self.count(user)
            self.leave(user, [(1300, 1.0)], "#", caller).dial("1")
            self.count(user, 2)

        def heard_meanwhile():
            user, caller = self.user(), self.user()
            self.leave(user, [(700, 1.5)], None, caller).hangup()
            self.count(user)
            call = self.call(caller, "*99" + user)
            time.sleep(0.5)
            call.dial("1")
            wait_tone(call, BEEP_HZ)
            self.server.psql("update entry set heard = true where mailbox = '%s'" % user)
            call.media.tone = 1300
            time.sleep(1.5)
            call.hangup()
            self.assertEqual([e.heard for e in self.count(user, 2)], [True, False])

        return [goes_on, begins_anew, had_said_all, heard_meanwhile]

    def test_message_recording(self):
        self.together(*self.what_is_in_it(), *self.review(), *self.operator(), *self.cut_off())
        until(lambda: not list((self.server.spool / "open").iterdir()), 5, "an empty spool")


if __name__ == "__main__":
    unittest.main()
