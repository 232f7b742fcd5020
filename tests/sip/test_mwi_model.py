"""Lamps against a model: whatever phones, the HTTP API and SQL do to two mailboxes, in any order, the last NOTIFY to each device is what is there.

MWI_STEPS is how many operations there are (default: 15), MWI_SEED where they begin; the seed is told when it fails.
"""
import os
import random
import re
import time
import unittest
import uuid

from api import ApiScenario, WithApi
from harness import SLOW, until
from mailbox import Mail, leave, seed, wait_tone

KINDS = ("voice", "fax")


class Row:
    """An entry as the model has it."""

    def __init__(self, entry, box, kind="voice", urgent=False):
        self.id, self.box, self.kind, self.urgent = entry, box, kind, urgent
        self.heard = self.deleted = False
        self.folder = "inbox"


class Device:
    """A phone that subscribed or is registered, and what it was told last."""

    def __init__(self, phone, box):
        self.phone, self.box, self.last = phone, box, None

    def told(self):
        while not self.phone.notifies.empty():
            body = self.phone.wait_notify(1).body
            waiting = re.search(r"Messages-Waiting: (yes|no)\r\n", body).group(1)
            account = re.search(r"Message-Account: sip:(.*)@confab\r\n", body).group(1)
            found = [re.search(r"%s-Message: (\d+)/(\d+) \((\d+)/(\d+)\)\r\n" % kind.capitalize(), body) for kind in KINDS]
            self.last = (account, waiting) + tuple(tuple(map(int, f.groups())) if f else (0, 0, 0, 0) for f in found)
        return self.last


class TestMwiModel(WithApi, Mail):
    SETTINGS = Mail.SETTINGS + "\n" + ApiScenario.SETTINGS

    def expected(self, box):
        lit = [r for r in self.rows if r.box == box and not r.deleted and r.folder == "inbox"]
        counts = []
        for kind in KINDS:
            of = [r for r in lit if r.kind == kind]
            counts.append(tuple(sum(r.heard == heard and (r.urgent or not urgent) for r in of)
                                for urgent in (False, True) for heard in (False, True)))
        return (box, "yes" if counts[0][0] + counts[1][0] else "no", *counts)

    def check(self, what):
        end = time.monotonic() + 4 * SLOW
        while any(d.told() != self.expected(d.box) for d in self.devices):
            if time.monotonic() > end:
                self.fail("seed %s, after %s: %s" % (self.seed, what, [(d.phone.user, d.told(), self.expected(d.box)) for d in self.devices]))
            time.sleep(0.03)

    def change(self, rows, **columns):
        row = self.random.choice(rows)
        for name, value in columns.items():
            setattr(row, name, value)
        if self.random.random() < 0.5:
            answer = self.ask("PATCH", "/api/v1/mailboxes/%s/messages/%s" % (row.box, row.id), columns)
            self.assertEqual(answer.status, 200, answer)
            return
        self.server.psql("update entry set heard = %s, folder = '%s', deleted_at = case when %s then now() end where id = '%s'" % (
            row.heard, row.folder, row.deleted, row.id))

    # -- operations

    def put(self, box):
        row = Row(seed(self.server, box, [(700, 0.6)], age_s=9000 - len(self.rows)), box,
                  self.random.choice(KINDS), self.random.random() < 0.4)
        self.server.psql("update message set kind = '%s' where id = (select message from entry where id = '%s')" % (row.kind, row.id))
        self.server.psql("update entry set urgent = %s where id = '%s'" % (row.urgent, row.id))
        self.rows.append(row)

    def hear(self, box):
        self.change(self.live(box), heard=True)

    def renew(self, box):
        self.change(self.live(box), heard=False)

    def delete(self, box):
        self.change(self.live(box), deleted=True)

    def undelete(self, box):
        gone = [r for r in self.rows if r.box == box and r.deleted]
        if gone:
            self.change(gone, deleted=False)

    def file(self, box):
        self.change(self.live(box), folder=self.random.choice(("work", "inbox")))

    def forward(self, box):
        row, other = self.random.choice(self.live(box)), self.random.choice([b for b in self.boxes if b != box])
        new = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.server.psql("insert into entry (id, mailbox, message) select '%s', '%s', message from entry where id = '%s' "
                         "on conflict do nothing" % (new, other, row.id))
        if self.server.psql("select 1 from entry where id = '%s'" % new):  # else it has been there before
            self.rows.append(Row(new, other, row.kind))

    def remove(self, box):
        row = self.random.choice(self.live(box))
        self.server.psql("delete from entry where id = '%s'" % row.id)
        self.rows.remove(row)

    def say(self, box):
        before = {r.id for r in self.rows}
        leave(self.call(self.user(), "*99" + box), [(700, 1.3)], greeting=False).dial("1")
        deadline = time.monotonic() + 10 * SLOW
        while True:
            new = [row[0] for row in self.server.psql("select id from entry where mailbox = '%s'" % box) if row[0] not in before]
            if new:
                break
            self.assertLess(time.monotonic(), deadline, "the message that was left")
            time.sleep(0.1)
        self.rows.append(Row(new[0], box))

    def listen(self, box):
        """The owner hears his first new message, an urgent one if there is one, and deletes it."""
        order = [row[0] for row in self.server.psql(
            "select e.id from entry e join message m on m.id = e.message where mailbox = '%s' and not heard and deleted_at is null "
            "and folder = 'inbox' order by not e.urgent, m.started, e.id" % box)]
        if not order:
            return
        row, = [r for r in self.rows if r.id == order[0]]
        call = self.visit(box)
        call.dial("1")
        if row.kind == "voice":
            wait_tone(call, 700)
        else:  # of a fax he is told, and no more
            until(lambda: self.server.psql("select 1 from entry where id = '%s' and heard" % row.id), 25, "the fax is told")
        row.heard = True
        self.check("hearing by phone")
        call.dial("7")
        row.deleted = True
        self.check("deletion by phone")
        call.hangup()

    def live(self, box):
        rows = [r for r in self.rows if r.box == box and not r.deleted]
        if not rows:
            self.put(box)
            rows = self.rows[-1:]
        return rows

    def test_lamps_follow_the_model(self):
        self.seed = os.environ.get("MWI_SEED") or str(random.randrange(10 ** 6))
        self.random, self.rows, self.boxes, self.devices = random.Random(self.seed), [], [self.user(), self.user()], []
        for box in self.boxes:
            for _ in range(2):
                phone = self.phone(box)
                self.assertEqual(phone.subscribe("message-summary", accept="application/simple-message-summary").response.status, 200)
                self.devices.append(Device(phone, box))
        self.devices.append(Device(self.phone(self.boxes[0], registered=True), self.boxes[0]))
        self.check("subscription")
        quick = [self.put, self.put, self.hear, self.renew, self.delete, self.undelete, self.file, self.forward, self.remove]
        steps = [self.random.choice(quick) for _ in range(int(os.environ.get("MWI_STEPS", "15")))]
        for slow in (self.say, self.listen):  # whatever else: both phones did something
            for _ in range(1 + len(steps) // 40):
                steps.insert(self.random.randrange(len(steps)), slow)
        for step in steps:
            box = self.random.choice(self.boxes)
            step(box)
            self.check("%s of %s" % (step.__name__, box))


if __name__ == "__main__":
    unittest.main()
