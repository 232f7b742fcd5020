"""A mailbox in more hands than one: two phones, the HTTP API, SQL from outside, and sound that has been damaged."""
import signal
import time
import unittest

from api import ApiScenario, WithApi
from harness import until
from mailbox import Mail, entries, pieces, seed, wait_tone
from tonevoice import ToneScenario

# What befalls the first message's row of blob; of the last three the checksum is right.
DAMAGES = {
    "another sound": "audio = set_byte(audio, 1000, get_byte(audio, 1000) # 255)",
    "cut off": "audio = substring(audio for 4000)",
    "no bytes": "audio = '', sha256 = sha256('')",
    "no header": "audio = substring(audio from 45), sha256 = sha256(substring(audio from 45))",
    "no sound": "audio = substring(audio for 44), sha256 = sha256(substring(audio for 44))",
}


class TestChanges(WithApi, ToneScenario, Mail):
    SETTINGS = Mail.SETTINGS + "\n" + ApiScenario.SETTINGS
    SPOKEN = ("msg-cannot-play", "msg-changed-elsewhere", "vm-deleted", "vm-undeleted", "vm-no", "vm-advopts")

    def seeded(self, *pitches, seconds=1.0):
        """A mailbox with a message of each pitch, and the entries."""
        user = self.user()
        return user, [seed(self.server, user, [(hz, seconds)], age_s=600 - i) for i, hz in enumerate(pitches)]

    def listens(self, user, hz):
        call = self.visit(user)
        call.dial("1")
        wait_tone(call, hz)
        return call

    def state(self, entry):
        return [(row.heard, row.deleted, row.folder) for row in entries(self.server, None, entry)]

    def damaged(self, name):
        def flow():
            user, (first, second) = self.seeded(700, 900)
            self.server.psql("update blob set %s where id = (select blob from message m join entry e on e.message = m.id "
                             "where e.id = '%s')" % (DAMAGES[name], first))
            call = self.visit(user)
            began = time.monotonic()
            call.dial("1")
            self.says(call, "msg-cannot-play", began)
            call.dial("6")  # on
            wait_tone(call, 900)
            self.assertEqual(self.state(first), [(False, False, "inbox")])
            mark = time.monotonic()
            call.dial("4")  # and back
            self.says(call, "msg-cannot-play", mark)
            self.says(call, "vm-advopts", mark)
            self.say_and_wait(call, "7", "vm-deleted")
            self.assertEqual(self.state(first), [(True, True, "inbox")])
            self.assertEqual(pieces(call, began, (700,)), [])
            self.server.wait_log(r"error storage audio-broken alarm=audio-broken of=%s which=%s" % (user, first))
            self.assertFalse(call.ended)
        flow.__name__ = name
        return flow

    def deleted_while_it_plays(self):
        user, (first, _) = self.seeded(700, 900, seconds=8.0)
        one, other = self.listens(user, 700), self.listens(user, 700)
        self.say_and_wait(other, "7", "vm-deleted")
        mark = time.monotonic()
        one.dial("7")  # of a deleted one this would be the way back
        self.says(one, "msg-changed-elsewhere", mark)
        self.silent(one, "vm-undeleted", mark)
        wait_tone(one, 900)  # the folder as it is now
        self.assertEqual(self.state(first), [(True, True, "inbox")])

    def deleted_and_heard_to_its_end(self):
        user, (first,) = self.seeded(700, seconds=8.0)
        one, other = self.listens(user, 700), self.listens(user, 700)
        self.say_and_wait(other, "7", "vm-deleted")
        mark = time.monotonic()
        self.says(one, "msg-changed-elsewhere", mark, 20)
        self.says(one, "vm-no", mark)  # "you have no new messages"
        self.assertEqual(self.state(first), [(True, True, "inbox")])

    def each_another_one(self):
        user, (first, second) = self.seeded(700, 900, seconds=6.0)
        one, other = self.listens(user, 700), self.listens(user, 700)
        other.dial("6")
        wait_tone(other, 900)
        self.say_and_wait(other, "7", "vm-deleted")
        self.assertEqual(self.state(second), [(True, True, "inbox")])
        self.assertEqual(self.state(first), [(True, False, "inbox")])
        self.assertFalse(one.ended)

    def phone_and_api(self):
        """Whoever comes second is told, and changes nothing."""
        user, (first, second) = self.seeded(700, 900, seconds=8.0)
        path = "/api/v1/mailboxes/%s/messages/" % user
        call = self.listens(user, 700)
        self.assertEqual(self.ask("DELETE", path + first).status, 204)
        mark = time.monotonic()
        call.dial("7")  # of a deleted one this would be the way back
        self.says(call, "msg-changed-elsewhere", mark)
        self.silent(call, "vm-undeleted", mark)
        wait_tone(call, 900)
        read = self.ask("GET", path + second).json
        self.say_and_wait(call, "7", "vm-deleted")
        late = self.ask("PATCH", path + second, {"version": read["version"], "folder": "work"})
        self.assertEqual((late.status, late.headers["Content-Type"]), (409, "application/problem+json"))
        self.assertEqual(self.state(first), [(False, True, "inbox")])  # whoever deletes it has not heard it
        self.assertEqual(self.state(second), [(True, True, "inbox")])

    def removed_by_sql(self):
        user, (first, second, third) = self.seeded(700, 900, 600)
        call = self.listens(user, 700)
        self.server.psql("delete from entry where id = '%s'" % second)
        self.say_and_wait(call, "6", "msg-changed-elsewhere")
        wait_tone(call, 600)
        self.assertEqual(self.state(first), [(True, False, "inbox")])
        self.assertEqual(pieces(call, 0, (900,)), [])

    def filed_by_sql(self):
        user, (first, second) = self.seeded(700, 900)
        call = self.listens(user, 700)
        self.server.psql("update entry set folder = 'work', heard = true where id = '%s'" % first)
        self.say_and_wait(call, "7", "msg-changed-elsewhere")
        wait_tone(call, 900)
        self.assertEqual(self.state(first), [(True, False, "work")])

    def test_changes(self):
        self.together(*map(self.damaged, DAMAGES), self.deleted_while_it_plays, self.deleted_and_heard_to_its_end,
                      self.each_another_one, self.phone_and_api, self.removed_by_sql, self.filed_by_sql)
        self.server.process.send_signal(signal.SIGUSR1)
        count = int(self.server.wait_log(r"storage-stats .* audio_broken=(\d+)").group(1))
        self.assertEqual(count, 2 * len(DAMAGES))  # asked for twice each
        until(lambda: not list(self.server.cache.glob("*.wav")), 5, "an empty cache")


if __name__ == "__main__":
    unittest.main()
