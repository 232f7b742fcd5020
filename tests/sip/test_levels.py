"""Audio levels and sources: who knows the header extensions reads who talks and how loud; who does not, sees nothing of it."""
import unittest

from harness import Scenario, until

LEVEL, SOURCES = "ssrc-audio-level", "csrc-audio-level"


class TestLevels(Scenario):
    def knowing(self, user, extmaps):
        phone = self.phone(user, registered=True)
        phone.extmaps = extmaps
        return phone

    def enter(self, user, room, tone, extmaps=None, db=-12.0):
        call = self.knowing(user, extmaps or {}).invite(room)
        call.media.tone, call.media.db = tone, db
        return call.wait_answered()

    @staticmethod
    def told(call):
        """{CSRC: level} of the packet that came last; the lists must be of one length."""
        csrcs, elements = (call.media.sources or [((), {})])[-1]
        levels = elements.get(call.media.extmaps.get(SOURCES), b"")
        assert len(levels) == len(csrcs), (csrcs, elements)
        return dict(zip(csrcs, levels))

    def test_a_listener_reads_who_talks(self):
        loud = self.enter("1001", "3051", 440, {LEVEL: 5})
        soft = self.enter("1002", "3051", 620, db=-24.0)
        listener = self.enter("1003", "3051", None, {LEVEL: 1, SOURCES: 2})
        ssrcs = {loud.media._ssrc: 15, soft.media._ssrc: 27}  # a sine has 3 dB less than its peak
        self.assertEqual(loud.media.extmaps, {LEVEL: 5})
        until(lambda: set(self.told(listener)) == set(ssrcs), 15, "both talkers")

        def agrees():
            told = self.told(listener)
            return set(told) == set(ssrcs) and all(abs(told[s] - ssrcs[s]) <= 2 for s in ssrcs)
        until(agrees, 10, "levels that agree with what is sent")
        self.assertTrue(listener.hears(440, 620))
        level = listener.media.sources[-1][1][1][0]
        self.assertTrue(level & 0x80)
        self.assertLess(abs((level & 0x7F) - 15), 3)
        loud.dial("*1")  # muted by himself
        until(lambda: set(self.told(listener)) == {soft.media._ssrc}, 10, "the mute")
        soft.media.tone = None
        until(lambda: not self.told(listener), 10, "the silence")
        for call in (loud, soft, listener):
            call.hangup()

    def test_an_old_phone_sees_nothing_of_it(self):
        talker = self.enter("1001", "3052", 440, {LEVEL: 5, SOURCES: 6})
        old = self.enter("1002", "3052", 620)
        self.assertTrue(old.hears(440, timeout=10))
        until(lambda: self.told(talker), 10, "his CSRC")
        self.assertNotIn("extmap", old.responses[-1].body)
        self.assertTrue(all(not csrcs and not elements for csrcs, elements in old.media.sources))
        talker.hangup()
        old.hangup()

    def test_identifiers_are_the_legs_own(self):
        """A caller with numbers of his own calls a phone that takes ours, and one that knows nothing."""
        callee = self.knowing("1002", {LEVEL: 0})
        call = self.knowing("1001", {LEVEL: 9}).invite("1002", tone=440)
        answer = callee.wait_call()
        answer.answer(tone=620)
        call.wait_answered()
        self.assertTrue(call.hears(620, timeout=10) and answer.hears(440))
        ours = answer.media.extmaps[LEVEL]
        self.assertNotEqual(ours, 9)
        self.assertEqual({n for _, e in answer.media.sources for n in e}, {ours})
        self.assertEqual({n for _, e in call.media.sources for n in e}, {9})
        self.assertEqual(answer.media.sources[-1][1][ours], bytes([0x80 | 15]))
        call.hangup()
        answer.wait_ended()
        old = self.phone("1003", registered=True)
        call = self.knowing("1001", {LEVEL: 9}).invite("1003", tone=440)
        answer = old.wait_call()
        answer.answer(tone=620)
        call.wait_answered()
        self.assertTrue(answer.hears(440, timeout=10) and call.hears(620))
        self.assertTrue(all(not elements for _, elements in answer.media.sources))
        call.hangup()
        answer.wait_ended()

    def test_talk_is_logged_and_talk_of_the_muted_apart(self):
        mark = self.server.mark()
        talker, listener = self.enter("1001", "3053", None, {LEVEL: 5}), self.enter("1002", "3053", None)
        self.assertNotIn("talk room=3053", self.server.log_since(mark))
        talker.media.tone = 440
        self.server.wait_log(r"talk room=3053 on\b(?! muted)", 10, mark)
        talker.media.tone = None
        self.server.wait_log(r"talk room=3053 off\b(?! muted)", 10, mark)
        talker.dial("*1")
        talker.media.tone = 440
        self.server.wait_log("talk room=3053 on muted", 10, mark)
        talker.hangup()
        listener.hangup()


if __name__ == "__main__":
    unittest.main()
