"""Lamps: the event package "dialog" (RFC 4235)."""
import time
import unittest
import xml.etree.ElementTree as etree

from harness import Scenario, until

NS = "{urn:ietf:params:xml:ns:dialog-info}"
GROUP = "insert into service (subscriber, name, parameters) select number, 'pickup-group', '{\"group\": \"sales\"}' from " \
        "subscriber where number in (%s) on conflict do nothing"


class Lamp:
    """A subscription and what its NOTIFYs have said; each must be the next version, in full."""

    def __init__(self, phone, number):
        self.phone = phone
        self.subscription = phone.subscribe("dialog", number, accept="application/dialog-info+xml")
        self.version, self.states, self.dialogs = -1, [], []

    @property
    def status(self):
        return self.subscription.response.status

    def next(self):
        notify = self.phone.wait_notify()
        while notify.get("Event") != "dialog":  # its mailbox's lamp
            notify = self.phone.wait_notify()
        assert notify.get("Content-Type") == "application/dialog-info+xml", notify.headers
        document = etree.fromstring(notify.body)
        assert document.get("state") == "full"
        assert int(document.get("version")) == self.version + 1, notify.body
        self.version += 1
        self.dialogs = document.findall(NS + "dialog")
        self.states = [d.find(NS + "state").text for d in self.dialogs]
        return self.states

    def until(self, *states):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self.next() == list(states):
                return self.dialogs[0] if self.dialogs else None
        raise AssertionError("%s did not come, but %s" % (states, self.states))


class TestLamps(Scenario):
    SETTINGS = "sip { ring = 5 }"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")
        cls.server.psql(GROUP % "'1002', '1006', '1007'")

    def test_a_call_as_the_lamp_of_the_callee_shows_it(self):
        lamp = Lamp(self.phone("1002", registered=True), "1006")
        self.assertEqual(lamp.status, 200)
        self.assertEqual(lamp.next(), [])  # idle
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006")
        other = callee.wait_call()
        other.ring()
        dialog = lamp.until("early")
        self.assertEqual(dialog.get("direction"), "recipient")
        # RFC 3891: by these three another phone can take the call; they are of the ringing phone's own dialog.
        self.assertEqual(dialog.get("call-id"), other.call_id)
        self.assertEqual(dialog.get("local-tag"), other.local_tag)
        self.assertEqual(dialog.get("remote-tag"), other.invitation.param("From", "tag"))
        self.assertEqual(dialog.find("%sremote/%sidentity" % (NS, NS)).text, "sip:1001@confab")
        self.assertEqual(dialog.find("%slocal/%sidentity" % (NS, NS)).text, "sip:1006@confab")
        first = dialog.get("id")
        other.answer()
        call.wait_answered()
        dialog = lamp.until("confirmed")
        self.assertEqual(dialog.get("id"), first)
        self.assertIsNone(dialog.find("%slocal//%sparam" % (NS, NS)))
        other.hold()
        dialog = lamp.until("confirmed")
        self.assertEqual(dialog.find("%slocal//%sparam" % (NS, NS)).attrib, {"pname": "+sip.rendering", "pval": "no"})
        other.resume()
        self.assertIsNone(lamp.until("confirmed").find("%slocal//%sparam" % (NS, NS)))
        call.hangup()
        self.assertEqual(lamp.until("terminated").get("id"), first)
        lamp.subscription.refresh()
        self.assertEqual(lamp.next(), [])

    def test_the_lamp_of_the_caller(self):
        lamp = Lamp(self.phone("1002", registered=True), "1007")
        lamp.next()
        caller, callee = self.phone("1007", registered=True), self.phone("1008", registered=True)
        call = caller.invite("1008")
        other = callee.wait_call()
        other.ring()
        dialog = lamp.until("early")
        self.assertEqual(dialog.get("direction"), "initiator")
        self.assertEqual(dialog.get("call-id"), call.call_id)
        self.assertEqual(dialog.find("%sremote/%sidentity" % (NS, NS)).text, "sip:1008@confab")
        other.reject(486)
        lamp.until("terminated")

    def test_who_subscribes_in_a_call_is_told_how_it_stands(self):
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006")
        callee.wait_call().answer()
        call.wait_answered()
        lamp = Lamp(self.phone("1002", registered=True), "1006")
        self.assertEqual(lamp.next(), ["confirmed"])
        call.hangup()
        lamp.until("terminated")

    def test_several_phones_that_ring_are_one_dialog(self):
        lamp = Lamp(self.phone("1002", registered=True), "1006")
        lamp.next()
        caller, one, two = self.phone("1001", registered=True), self.phone("1006", registered=True), self.phone(
            "1006", registered=True)
        call = caller.invite("1006")
        first, second = one.wait_call(), two.wait_call()
        first.ring()
        second.ring()
        lamp.until("early")
        second.answer()
        call.wait_answered()
        until(lambda: "confirmed" in lamp.next(), what="the answered phone's dialog")
        self.assertEqual([d.get("call-id") for d in lamp.dialogs if d.find(NS + "state").text == "confirmed"],
                         [second.call_id])
        call.hangup()

    def test_a_caller_who_withholds_his_number_is_not_named(self):
        lamp = Lamp(self.phone("1002", registered=True), "1006")
        lamp.next()
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006", headers=[("Privacy", "id")])
        callee.wait_call().ring()
        dialog = lamp.until("early")
        self.assertIsNone(dialog.find(NS + "remote"))
        self.assertNotIn("1001", etree.tostring(dialog).decode())
        call.hangup()

    def test_who_may_watch_whom(self):
        watcher = self.phone("1002", registered=True)
        self.assertEqual(Lamp(watcher, "1001").status, 403)    # not in his group
        self.assertEqual(Lamp(watcher, "1002").status, 200)    # himself
        self.assertEqual(Lamp(watcher, "9196").status, 200)    # nobody's number
        self.assertEqual(Lamp(watcher, "4711").status, 404)
        self.assertEqual(Lamp(self.phone("1003"), "1006").status, 403)
        self.assertEqual(Lamp(self.pbx(), "1006").status, 200)  # a trusted peer

    def test_the_number_of_an_application(self):
        lamp = Lamp(self.phone("1002", registered=True), "9196")
        lamp.next()
        call = self.phone("1001").invite("9196")
        call.wait_answered()
        dialog = lamp.until("confirmed")
        self.assertEqual(dialog.find("%sremote/%sidentity" % (NS, NS)).text, "sip:1001@confab")
        call.hangup()
        lamp.until("terminated")

    def test_many_calls_at_one_number(self):
        lamp = Lamp(self.phone("1002", registered=True), "9196")
        lamp.next()
        calls = [self.phone("1001").invite("9196") for _ in range(6)]
        for call in calls:
            call.wait_answered()
        until(lambda: lamp.next() == ["confirmed"] * 6, what="six dialogs")  # more than a packet of 1500 bytes
        for call in calls:
            call.hangup()
        until(lambda: "confirmed" not in lamp.next(), what="the end of all")

    def test_the_subscription_ends(self):
        phone = self.phone("1002", registered=True)
        lamp = Lamp(phone, "1006")
        lamp.next()
        lamp.subscription.refresh(0)
        notify = phone.wait_notify()
        while notify.get("Event") != "dialog":
            notify = phone.wait_notify()
        self.assertTrue(notify.get("Subscription-State").startswith("terminated"))
        self.assertEqual(phone.subscribe("dialog", "1006", accept="text/plain").response.status, 406)


if __name__ == "__main__":
    unittest.main()
