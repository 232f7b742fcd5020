"""A conference as SIP sees its focus: the event package "conference" (RFC 4575), isfocus and the factory (RFC 4579)."""
import unittest

import harness
from harness import Scenario
from referring import own_name, refer
from roster import Watcher, focus_of

IN = ("participant", "connected", "sendrecv")
MUTED = ("participant", "muted-via-focus", "recvonly")
HELD = ("participant", "on-hold", "inactive")
HOST = ("host", "connected", "sendrecv")


class TestConferenceEvent(Scenario):
    PLAN = harness.PLAN + 'number "3998" { application = "conference" argument = "factory" }\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null")
        cls.server.psql("insert into room (number, name, roster, host) values ('3801', 'Board', 'hosts', '1005'), "
                        "('3802', 'Hall', 'all', null), ('3803', 'Den', 'members', null)")
        cls.server.psql("insert into room (number, host, dial_out) values ('3804', '1001', '{10XX}'), ('3805', '1001', null)")

    def enter(self, user, room, **more):
        return self.phone(user, **more).invite(room).wait_answered()

    def pbx_watches(self, room):
        watcher = Watcher(self.pbx(), room)
        self.assertEqual(watcher.status, 200)
        return watcher

    def test_a_roster_is_told_in_full_and_then_as_it_changes(self):
        watcher = self.pbx_watches("3010").until({})
        self.assertEqual((watcher.count, watcher.active, watcher.states), (0, False, ["full"]))
        self.assertEqual(watcher.entity, "sip:3010@%s:5060" % self.server.address)
        ada = self.enter("1001", "3010")
        watcher.until({"1001": IN}, lambda w: w.active and w.count == 1)
        bob, other = self.enter("1002", "3010"), self.enter("1002", "3010")
        secret = self.phone("1003").invite("3010", headers=[("Privacy", "id")]).wait_answered()
        watcher.until({"1001": IN, "1002": (IN, IN), "anonymous-4@anonymous.invalid": IN}, lambda w: w.count == 4)
        self.assertEqual(len({e.get("entity") for u in watcher.users.values() for e in u if e.get("entity")}), 4)
        late = self.pbx_watches("3010")
        ada.dial("*1")
        watcher.until({"1001": MUTED, "1002": (IN, IN), "anonymous-4@anonymous.invalid": IN})
        bob.hold()
        other.hangup()
        secret.hangup()
        watcher.until({"1001": MUTED, "1002": HELD}, lambda w: w.count == 2)
        bob.resume()
        ada.dial("1")
        watcher.until({"1001": IN, "1002": IN})
        late.until(watcher.roster())
        self.assertEqual(set(watcher.states[1:]), {"partial"})
        # At most one a second, however much happens.
        self.assertLessEqual(len(watcher.times), watcher.times[-1] - watcher.times[0] + 2)
        watcher.refresh()
        watcher.next()
        self.assertEqual(watcher.states[-1], "full")
        self.assertEqual(watcher.roster(), {"1001": IN, "1002": IN})
        ada.hangup()
        bob.hangup()
        watcher.until({}, lambda w: not w.active and w.count == 0)
        watcher.refresh(0)
        self.assertEqual(watcher.until_ended(), "timeout")

    def test_in_the_dialog_of_the_call(self):
        """The subscription ends with the call, the one who left may watch no longer."""
        ada, bob = self.enter("1001", "3803"), self.enter("1002", "3803")
        self.assertIn("conference", ada.responses[-1].get("Allow-Events"))
        watcher = Watcher(bob.phone, call=bob)
        self.assertEqual(watcher.status, 200)
        watcher.until({"1001": IN, "1002": IN})
        self.assertEqual(watcher.name, "Den")
        watcher.refresh()
        watcher.next()
        self.assertEqual(watcher.states, ["full", "full"])
        outside = Watcher(ada.phone, "3803").until({"1001": IN, "1002": IN})
        bob.hangup()
        self.assertEqual(watcher.until_ended(), "deactivated")
        outside.until({"1001": IN})
        ada.hangup()
        self.assertEqual(outside.until_ended(), "rejected")
        self.assertEqual(outside.roster(), {"1001": IN})

    def test_unsubscribing_leaves_the_call_alone(self):
        ada = self.enter("1001", "3803")
        watcher = Watcher(ada.phone, call=ada).until({"1001": IN})
        watcher.refresh(0)
        self.assertEqual(watcher.until_ended(), "timeout")
        self.assertEqual(ada.request("OPTIONS").status, 200)
        again = Watcher(ada.phone, call=ada).until({"1001": IN})
        self.assertEqual(again.states, ["full"])
        ada.hangup()

    def test_who_has_missed_something_is_told_all_anew(self):
        watcher = self.pbx_watches("3012").until({})
        watcher.phone.notify_answer = (503, None, [("Retry-After", "1")])
        ada = self.enter("1001", "3012")
        harness.until(lambda: watcher.phone.refused, what="a NOTIFY that is refused")
        with watcher.phone.changed:
            watcher.phone.notify_answer = (200,)
            watcher.version += watcher.phone.refused
        bob = self.enter("1002", "3012")
        watcher.until({"1001": IN, "1002": IN})
        self.assertEqual(watcher.states[:2], ["full", "full"])
        ada.hangup()
        bob.hangup()

    def test_who_may_watch(self):
        host, stranger = self.phone("1005", transport="tcp"), self.phone("1006")
        ada = self.enter("1001", "3801")
        self.assertEqual(Watcher(stranger, "3801").status, 403)
        self.assertEqual(Watcher(ada.phone, "3801").status, 403)  # in it, but no host
        self.assertEqual(Watcher(ada.phone, call=ada).status, 403)
        Watcher(host, "3801").until({"1001": IN})
        self.assertEqual(Watcher(stranger, "3803").status, 403)  # not in it
        Watcher(stranger, "3802").until({})
        self.assertEqual(Watcher(stranger, "9196").status, 404)
        self.assertEqual(Watcher(stranger, "3802", accept="text/plain").status, 406)
        ada.hangup()

    def test_a_lock_by_the_hosts_key_is_told(self):
        watcher = self.pbx_watches("3804").until({})
        host = self.enter("1001", "3804")
        watcher.until({"1001": HOST}, lambda w: w.locked is False)
        host.dial("*2")
        watcher.until({"1001": HOST}, lambda w: w.locked)
        host.dial("2")
        watcher.until({"1001": HOST}, lambda w: not w.locked)
        host.hangup()

    def test_who_is_called_is_there_while_it_rings(self):
        watcher = self.pbx_watches("3804").until({})
        guest_phone, host = self.phone("1002", registered=True), self.enter("1001", "3804")
        refer(host, "1002")
        guest = guest_phone.wait_call()
        watcher.until({"1001": HOST, "1002": ("participant", "dialing-out", "inactive")}, lambda w: w.count == 1)
        self.assertEqual(watcher.joined("1002"), "dialed-out")
        guest.answer()
        watcher.until({"1001": HOST, "1002": IN}, lambda w: w.count == 2)
        self.assertEqual((watcher.joined("1001"), watcher.joined("1002")), ("dialed-in", "dialed-out"))
        guest.hangup()
        watcher.until({"1001": HOST})
        refer(host, "1002")
        guest_phone.wait_call().reject(486)
        watcher.until({"1001": HOST}, lambda w: w.count == 1)
        host.hangup()

    def test_who_is_moved_leaves_one_room_and_comes_to_the_other(self):
        here, there = self.pbx_watches("3804").until({}), self.pbx_watches("3805").until({})
        host, member = self.enter("1001", "3804"), self.enter("1002", "3804")
        here.until({"1001": HOST, "1002": IN})
        name = own_name(member).replace("to-tag", "remote-tag").replace("from-tag", "local-tag")
        refer(host, "3805", headers=[("Target-Dialog", name)])
        here.until({"1001": HOST}, lambda w: w.count == 1)
        there.until({"1002": IN}, lambda w: w.active and w.count == 1)
        member.hangup()
        there.until({}, lambda w: not w.active)
        host.hangup()

    def test_who_is_at_the_door_sees_nothing(self):
        host = self.enter("1001", "3900")
        host.dial("135791#")
        watcher = self.pbx_watches("3900").until({"1001": HOST})
        door = self.enter("1002", "3900")
        self.assertEqual(Watcher(door.phone, call=door).status, 403)
        door.dial("246810#")
        watcher.until({"1001": HOST, "1002": IN})
        Watcher(door.phone, call=door).until({"1001": HOST, "1002": IN})
        for call in (host, door):
            call.hangup()

    def test_a_focus_says_that_it_is_one(self):
        """RFC 4579 section 4: by whatever it sends in the dialog, and to whoever asks."""
        uri = "sip:3011@%s:5060" % self.server.address
        ada = self.enter("1001", "3011")
        self.assertEqual(focus_of(ada.responses[-1]), uri)
        self.assertEqual(focus_of(ada.hold()), uri)
        inside, outside = ada.request("OPTIONS"), self.phone("1002").request("OPTIONS", ada.target)
        for answer in (inside, outside):
            self.assertEqual((answer.status, focus_of(answer)), (200, uri))
            self.assertIn("conference", answer.get("Allow-Events"))
            for name in ("Allow", "Accept", "Supported", "Accept-Language"):
                self.assertTrue(answer.get(name), name)
        for other in ("9196", "3998"):  # the factory is none of those that it makes
            self.assertIsNone(focus_of(self.phone("1002").request("OPTIONS", ada.phone.uri(other))))
        bob = self.enter("1002", ada.target)  # the Contact may be given to others
        self.pbx_watches("3011").until({"1001": ("participant", "on-hold", "inactive"), "1002": IN})
        bob.hangup()
        ada.hangup()
        echo = self.enter("1001", "9196")
        self.assertIsNone(focus_of(echo.responses[-1]))
        echo.hangup()

    def test_who_is_sent_into_a_room_hears_that_it_is_one(self):
        """RFC 4579: the far side of a dialog that stands becomes a focus."""
        bob = self.phone("1002", registered=True)
        ada = self.phone("1001").invite("1002")
        other = bob.wait_call()
        other.answer()
        ada.wait_answered()
        self.assertEqual(other.request("REFER", [("Refer-To", "<%s>" % bob.uri("3013"))]).status, 202)
        harness.until(lambda: [r for r in ada.requests if focus_of(r) == "sip:3013@%s:5060" % self.server.address],
                      what="a target refresh")
        ada.hangup()

    def test_the_factory_makes_a_room_of_its_own(self):
        """RFC 4579 section 3.2."""
        ada, other = self.enter("1001", "3998"), self.enter("1003", "3998")
        uri = focus_of(ada.responses[-1])
        self.assertRegex(uri, r"^sip:conf=[0-9a-f]{32}@")
        self.assertNotEqual(uri, focus_of(other.responses[-1]))
        bob = self.enter("1002", uri)
        self.assertEqual(focus_of(bob.responses[-1]), uri)
        watcher = Watcher(ada.phone, call=ada).until({"1001": HOST, "1002": IN})
        self.assertEqual(watcher.entity, uri)
        outside = Watcher(self.pbx(), uri).until({"1001": HOST, "1002": IN})
        for call in (ada, bob, other):
            call.hangup()
        self.assertEqual(outside.until_ended(), "noresource")


if __name__ == "__main__":
    unittest.main()
