"""Message waiting (RFC 3842): lamps follow the rows, whoever changes them, and outlive a restart."""
import re
import time
import unittest

from harness import SLOW, until
from mailbox import Mail, leave, seed, wait_tone


def counts(notify):
    """("yes", new, old, new and urgent, old and urgent) of a NOTIFY."""
    found = re.search(r"Messages-Waiting:\s*(yes|no)\r\n.*?Voice-Message:\s*(\d+)/(\d+)(?:\s*\((\d+)/(\d+)\))?", notify.body,
                      re.S | re.I)
    assert found, notify.body
    return (found.group(1).lower(),) + tuple(int(n or 0) for n in found.groups()[1:])


class TestMwi(Mail):
    def setUp(self):
        super().setUp()
        self.watch = self.user()

    def wait_counts(self, phone, *wanted, timeout=1.5):
        """Waits for the NOTIFY with these counts; ones that a burst passed through may come before."""
        begin, seen = time.monotonic(), []
        while not seen or seen[-1][:len(wanted)] != wanted:
            left = begin + timeout * SLOW - time.monotonic()
            assert left > 0, (wanted, seen)
            try:
                notify = phone.wait_notify(left)
            except AssertionError:
                raise AssertionError("%s did not come in %.1f s, but %s" % (wanted, timeout * SLOW, seen)) from None
            seen.append(counts(notify))
        return notify

    def subscribed(self, user):
        phone = self.phone(user)
        subscription = phone.subscribe("message-summary", accept="application/simple-message-summary")
        self.assertEqual(subscription.response.status, 200)
        return phone, subscription

    def test_a_lamp_follows_the_mailbox(self):
        user = self.watch

        def subscriber():
            phone, subscription = self.subscribed(user)
            notify = self.wait_counts(phone, "no", 0, 0)  # at once
            self.assertEqual(notify.get("Event"), "message-summary")
            self.assertRegex(notify.get("Subscription-State"), r"^active;")
            self.assertEqual(notify.get("Content-Type"), "application/simple-message-summary")
            self.assertIn("Message-Account: sip:%s@confab" % user, notify.body)
            self.assertEqual(notify.get("Call-ID"), subscription.call_id)
            call = leave(self.call(self.user(), "*99" + user), [(700, 1.5)], greeting=False)
            call.dial("1")
            self.count(user)
            self.wait_counts(phone, "yes", 1, 0)
            owner = self.visit(user)
            owner.dial("1")
            wait_tone(owner, 700)
            self.wait_counts(phone, "no", 0, 1, timeout=5)  # at the message's end
            owner.dial("7")
            self.wait_counts(phone, "no", 0, 0)
            owner.dial("7")
            self.wait_counts(phone, "no", 0, 1, timeout=5)
            owner.dial("90")  # new again
            self.wait_counts(phone, "yes", 1, 0, timeout=5)
            owner.hangup()
            subscription.refresh(0)
            self.assertRegex(phone.wait_notify(3).get("Subscription-State"), r"^terminated")

        def urgent():
            other = self.user()
            phone, _ = self.subscribed(other)
            self.wait_counts(phone, "no", 0, 0)
            call = leave(self.call(self.user(), "*99" + other), [(700, 1.5)], greeting=False)
            call.dial("4")
            time.sleep(0.5)
            call.dial("1")
            self.wait_counts(phone, "yes", 1, 0, 1, 0, timeout=10)

        def sql():  # an administrator, or another node
            other = self.user()
            phone, _ = self.subscribed(other)
            self.wait_counts(phone, "no", 0, 0)
            entry = seed(self.server, other, [(700, 1.0)])
            self.wait_counts(phone, "yes", 1, 0)
            self.server.psql("update entry set heard = true where id = '%s'" % entry)
            self.wait_counts(phone, "no", 0, 1)
            self.server.psql("delete from entry where id = '%s'" % entry)
            self.wait_counts(phone, "no", 0, 0)

        def burst():  # coalesced: the last one is right, and they are fewer than the changes
            other = self.user()
            phone, _ = self.subscribed(other)
            self.wait_counts(phone, "no", 0, 0)
            for _ in range(10):
                seed(self.server, other, [(700, 0.1)])
            self.wait_counts(phone, "yes", 10, 0, timeout=3)

        def unsolicited():  # registered, never subscribed
            other = self.user()
            phone = self.phone(other, registered=True)
            self.wait_counts(phone, "no", 0, 0, timeout=3)
            seed(self.server, other, [(700, 1.0)])
            notify = self.wait_counts(phone, "yes", 1, 0)
            self.assertEqual(notify.get("Event"), "message-summary")

        def stranger():
            phone = self.phone(self.user())
            self.assertEqual(phone.subscribe("message-summary", self.user()).response.status, 403)

        self.together(subscriber, urgent, sql, burst, unsolicited, stranger)

    def test_a_restart_puts_lamps_right(self):
        phone, silent = self.phone(self.watch), self.user()
        seed(self.server, self.watch, [(700, 1.0)])
        seed(self.server, silent, [(700, 1.0)])
        phone.register()
        self.wait_counts(phone, "yes", 1, 0, timeout=3)
        self.server.stop()
        seed(self.server, self.watch, [(700, 1.0)])  # while nobody serves
        self.server.start()
        self.wait_counts(phone, "yes", 2, 0, timeout=5)
        watcher, _ = self.subscribed(silent)
        self.wait_counts(watcher, "yes", 1, 0)
        until(lambda: phone.notifies.empty(), 1, "silence")


if __name__ == "__main__":
    unittest.main()
