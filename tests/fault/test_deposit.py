"""A message once begun is neither lost nor doubled: kill -9 at any moment of a deposit, and a database that is away."""
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sip"))
from mailbox import Mail, entries, leave, seed, spans, stored, wait_speech, wait_tone  # noqa: E402
from tonevoice import ToneScenario  # noqa: E402

SAID = [(700, 1.5), (1300, 1.5), (1700, 3.0)]
HEARD = [hz for hz, _ in SAID]


class TestKill(Mail):
    def restart(self):
        """kill -9, and a new process; its first sweep is part of its start."""
        self.server.kill()
        self.server.start()

    def test_kill_at_each_moment_of_a_deposit(self):
        users = {moment: self.user() for moment in ("beep", "recording", "short", "silent", "review", "hung up")}
        calls = {moment: self.call(self.user(), "*99" + user) for moment, user in users.items() if moment != "hung up"}
        late = self.user()

        # All are past the beep together; then each goes its way, and the blow falls on all at once.
        for call in calls.values():
            call.dial("#", gap=0)
        for moment in ("recording", "review"):
            wait_tone(calls[moment], 1000, since=time.monotonic() - 2)
        time.sleep(0.4)
        calls["review"].media.tone = 700
        time.sleep(2.0)
        calls["review"].media.tone = None
        calls["review"].dial("#")
        wait_speech(calls["review"])
        hung_up = leave(self.call(late, "*99" + users["hung up"]), [], None)
        begin = time.monotonic()
        for hz, seconds in SAID:
            calls["recording"].media.tone = hung_up.media.tone = hz
            if hz == HEARD[-1]:
                calls["short"].hangup()
            time.sleep(seconds if hz != HEARD[-1] else 2.5)
        said_s = time.monotonic() - begin
        hung_up.hangup()  # a moment before
        self.restart()

        for moment in ("recording", "review", "hung up"):
            with self.subTest(moment=moment):
                self.count(users[moment])
        for moment in ("short", "silent", "beep"):
            with self.subTest(moment=moment):
                self.assertLessEqual(len(entries(self.server, users[moment])), 1)
        for moment in ("recording", "hung up"):
            with self.subTest(moment=moment):
                heard = [(hz, end - start) for hz, start, end in spans(stored(self.server, users[moment]), HEARD)]
                self.assert_tones(heard[:2], SAID[:2], 0.2)
                # What the recorder had not yet handed to the system may be missing: much less than what it syncs at a time.
                self.assertEqual([hz for hz, _ in heard], HEARD)
                self.assertGreater(sum(seconds for _, seconds in heard), said_s - 0.6)
        self.assertEqual(self.server.psql("select count(*) from message")[0][0],
                         str(sum(len(entries(self.server, user)) for user in users.values())))
        # Once more: nothing is delivered twice.
        before = self.server.psql("select id, mailbox from entry order by id")
        self.restart()
        time.sleep(1)
        self.assertEqual(self.server.psql("select id, mailbox from entry order by id"), before)
        self.assertEqual([p.name for folder in ("open", "ready", "broken") for p in (self.server.spool / folder).iterdir()], [])


class TestDatabaseAway(ToneScenario, Mail):
    SPOKEN = ("msg-will-be-delivered", "vm-msgsaved", "msg-trouble")
    AWAY_S = int(os.environ.get("OUTAGE_SECONDS") or 20)

    def bring_back(self):
        if not self.here_again:
            self.server.database.start()
        self.here_again = True

    def leave_while_away(self, user):
        def flow():
            began = time.monotonic()
            # From a PBX, as what our own users have for a password cannot be looked up now.
            call = self.pbx("0207946").invite("*99" + user).wait_answered()
            leave(call, [(700, 1.0), (900, 1.0)], greeting=False).dial("1")
            self.says(call, "msg-will-be-delivered", began)
            self.silent(call, "vm-msgsaved", began)
            self.assertEqual(call.wait_ended(20).method, "BYE")
        return flow

    def test_deposits_go_on(self):
        owner, other, here = self.user(), self.user(), self.user()
        seed(self.server, here, [(700, 1.0)])
        visitor = self.visit(here)
        visitor.dial("1")
        wait_tone(visitor, 700)
        away, before = self.call(self.user(), "*99" + owner), self.call(self.user(), "*99" + other)
        began = time.monotonic()
        for call in (away, before):
            time.sleep(0.3)
            call.dial("#")  # enough of the greeting
        for call in (away, before):
            wait_tone(call, 1000, since=began)
        time.sleep(0.4)
        for call in (away, before):
            call.media.tone = 700
        time.sleep(1.0)

        self.here_again = False
        self.server.database.stop("immediate")
        self.addCleanup(self.bring_back)
        stopped = time.monotonic()
        for call in (away, before):
            call.media.tone = 900
        visitor.dial("7")
        time.sleep(1.0)
        before.hangup()
        away.media.tone = None
        away.dial("#")
        time.sleep(0.3)
        away.dial("1")
        self.says(away, "msg-will-be-delivered", stopped, 15)
        self.says(visitor, "msg-trouble", stopped, 15)  # not silence
        for call in (away, visitor):
            self.assertEqual(call.wait_ended(30).method, "BYE")
        users = [owner, other]
        while time.monotonic() < stopped + self.AWAY_S:
            more = [self.user() for _ in range(3)]
            self.together(*map(self.leave_while_away, more))
            users += more
        self.assertIsNone(self.server.process.poll())

        self.bring_back()
        for user in users:
            self.count(user, timeout=20)
        self.server.restart()  # nothing is delivered twice
        for user in users:
            with self.subTest(user=user):
                self.assertEqual(len(entries(self.server, user)), 1)
                self.assertEqual([hz for hz, _, _ in spans(stored(self.server, user), (700, 900))], [700, 900])
        self.assertEqual([p.name for folder in ("open", "ready", "broken") for p in (self.server.spool / folder).iterdir()], [])


if __name__ == "__main__":
    unittest.main()
