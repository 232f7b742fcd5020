"""REFER to a conference (RFC 4579 sections 5.5 and 5.10): who may have whom called into a room, or sent out; and seats
that change hands (RFC 3891), rooms that are made of a call (RFC 3911)."""
import unittest

from harness import Scenario, until
from referring import own_name, refer, referrer, told

ROOMS = """
insert into room (number, name, host, dial_out, dial_out_max)
values ('3100', 'Board', '1001', '{10XX}', 2), ('3101', 'Crew', '1001', '{10XX}', 2), ('3102', 'Nobody', '1001', null, 2);
insert into room (number, host, dial_out, dial_out_confirm) values ('3103', '1001', '{10XX}', true);
update subscriber set mailbox = null where number <> '1005';
"""


class TestRefer(Scenario):
    SETTINGS = "sip { ring = 2 }"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(ROOMS)

    def setUp(self):
        super().setUp()
        self.ada, self.bo, self.cy = (self.phone(n, registered=True) for n in ("1001", "1002", "1003"))

    def enter(self, phone, room, tone, **more):
        return phone.invite(room, tone=tone, **more).wait_answered()

    def send_out(self, call, target, headers=(), expect=202):
        response = call.request("REFER", [("Refer-To", "<%s;method=BYE>" % call.phone.uri(target))] + list(headers))
        self.assertEqual(response.status, expect, response.start)

    def ask(self, phone, room, target, headers=(), expect=202):
        """Out of any dialog."""
        response = phone.request("REFER", phone.uri(room), [("Refer-To", "<%s>" % phone.uri(target))] + list(headers))
        self.assertEqual(response.status, expect, response.start)

    def test_a_host_has_somebody_called(self):
        host = self.enter(self.ada, "3100", 440)
        refer(host, "1002")
        guest = self.bo.wait_call()
        self.assertEqual(guest.caller, "3100")
        self.assertIn("Board", guest.invitation.get("From"))
        self.assertEqual(referrer(guest), "1001")
        guest.answer(tone=550)
        self.assertEqual(told(self.ada), [100, 200])
        self.server.wait_log(r"room-entered room=3100 members=2")
        self.send_out(host, "3100", expect=404)  # he is in it under his own number
        self.assertTrue(host.hears(550))
        self.assertTrue(guest.hears(440, timeout=15))  # after he was told where he is
        until(lambda: guest.deaf_to(550), 10, "the silence of his own voice")
        guest.hangup()
        until(lambda: host.deaf_to(550), 10, "the silence of who left")
        host.hangup()
        self.server.wait_nothing_left()

    def test_how_it_failed_is_told(self):
        host = self.enter(self.ada, "3100", 440)
        refer(host, "1002")
        self.bo.wait_call().reject(486)
        self.assertEqual(told(self.ada), [100, 486])
        refer(host, "1005")  # he has a mailbox, which is nobody to talk to
        self.assertGreaterEqual(told(self.ada, self.last_event(host))[-1], 400)
        self.assertNotIn(" voicemail call=", self.server.log().partition(" answered\n")[2])
        host.hangup()

    @staticmethod
    def last_event(call):
        return "refer;id=%d" % call.cseq

    def test_who_may_and_whom(self):
        host, member = self.enter(self.ada, "3100", 440), self.enter(self.cy, "3100", 660)
        refer(member, "1002", expect=403)
        refer(host, "9196", expect=403)
        other = self.enter(self.ada, "3102", 440)
        refer(other, "1002", expect=403)
        self.assertTrue(self.bo.incoming.empty())
        other.hangup()
        member.hangup()
        host.hangup()

    def test_so_many_at_a_time(self):
        host = self.enter(self.ada, "3100", 440)
        di = self.phone("1004", registered=True)
        refer(host, "1002")
        refer(host, "1002", expect=486)
        refer(host, "1003")
        refer(host, "1004", expect=503)
        first, second = self.bo.wait_call(), self.cy.wait_call()
        self.assertTrue(di.incoming.empty())
        host.hangup()  # nobody is left: nobody is waited for
        self.assertEqual(first.wait_ended().method, "CANCEL")
        self.assertEqual(second.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()

    def test_barred_as_the_host_is(self):
        self.server.psql("""insert into service (subscriber, name, parameters) values ('1001', 'outgoing', '{"block": ["1003"]}')""")
        self.addCleanup(self.server.psql, "delete from service")
        host = self.enter(self.ada, "3100", 440)
        refer(host, "1003")
        self.assertEqual(told(self.ada), [100, 403])
        self.assertTrue(self.cy.incoming.empty())
        host.hangup()

    def test_who_answers_is_asked_first(self):
        host = self.enter(self.ada, "3103", 440)
        refer(host, "1002")
        guest = self.bo.wait_call()
        guest.answer(tone=550)
        guest.wait_request("ACK")
        self.server.wait_log("confirm-asked")
        self.assertFalse(host.hears(550, timeout=1))
        guest.dial("1")
        self.assertEqual(told(self.ada), [100, 200])
        self.assertTrue(host.hears(550))
        host.hangup()
        guest.hangup()

    def test_a_host_brings_whom_he_talks_to(self):
        """Both stay where they are; the call of two ends for the host, and the other hears the room."""
        host, member = self.enter(self.ada, "3100", 440), self.enter(self.cy, "3100", 660)
        call = self.ada.invite("1002")
        other = self.bo.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        refer(member, "1002", own_name(call), expect=403)  # neither a host nor his call
        refer(host, "1002", own_name(call))
        self.assertEqual(told(self.ada), [100, 200])
        call.wait_ended()
        self.assertTrue(other.hears(440, 660, timeout=15))
        self.assertTrue(host.hears(550, 660))
        other.hangup()
        self.assertTrue(host.hears(660))
        for each in (member, host):
            each.hangup()
        self.server.wait_nothing_left()

    def test_out_of_any_dialog(self):
        self.ask(self.phone("1001"), "3101", "1002", expect=404)  # nobody is there
        member = self.enter(self.cy, "3101", 660)
        outside = self.phone("1001")
        self.ask(outside, "3101", "1002")
        guest = self.bo.wait_call()
        self.assertEqual(referrer(guest), "1001")
        guest.answer(tone=550)
        self.assertEqual(told(outside), [100, 200])
        self.assertTrue(member.hears(550))
        self.ask(self.phone("1002"), "3101", "1004", expect=403)
        pbx = self.pbx()
        self.ask(pbx, "3101", "sip:1003@%s;method=BYE" % pbx.domain)
        self.assertEqual(told(pbx), [100, 200])
        member.hangup()
        guest.hangup()

    def test_who_is_sent_out(self):
        """By one of his dialogs, or by his address."""
        host = self.enter(self.ada, "3100", 440)
        one, two = self.enter(self.bo, "3100", 550), self.enter(self.phone("1002"), "3100", 660)
        name = own_name(two).replace("to-tag", "remote-tag").replace("from-tag", "local-tag")
        self.send_out(one, "1001", expect=403)
        self.send_out(host, "1009", expect=404)
        self.send_out(host, "1002", [("Target-Dialog", "gone;local-tag=a;remote-tag=b")], expect=481)
        self.send_out(host, "1002", [("Target-Dialog", name), ("Require", "tdialog")])
        self.assertEqual(told(self.ada), [100, 200])
        two.wait_ended(15)
        self.assertFalse(one.ended)
        self.send_out(host, "1002")
        one.wait_ended(15)
        host.hangup()

    def test_who_is_moved_to_another_room(self):
        """A host moves members by their dialogs, and himself by his own; nobody moves into a room with a PIN."""
        host, member = self.enter(self.ada, "3100", 440), self.enter(self.bo, "3100", 550)
        other, stays = self.enter(self.cy, "3102", 660), self.enter(self.phone("1004"), "3100", 880)
        self.assertTrue(host.hears(550, 880))
        name = [("Target-Dialog", own_name(member).replace("to-tag", "remote-tag").replace("from-tag", "local-tag"))]
        refer(stays, "3102", headers=name, expect=403)
        refer(host, "3900", headers=name)  # its PIN is asked of who dials it
        self.assertEqual(told(self.ada), [100, 200])
        self.server.wait_log("move-refused room=3900 error=13")
        refer(host, "3102", headers=name)
        self.assertEqual(told(self.ada, self.last_event(host)), [100, 200])
        self.assertTrue(other.hears(550, timeout=15))
        self.assertTrue(member.hears(660, timeout=15))
        until(lambda: member.deaf_to(440, 880) and host.deaf_to(550), 10, "the silence of the room that he left")
        refer(host, "3102")
        self.assertEqual(told(self.ada, self.last_event(host)), [100, 200])
        self.assertTrue(host.hears(550, 660, timeout=15))
        self.assertTrue(other.hears(440, 550))
        until(lambda: stays.deaf_to(440), 10, "the silence of the host who left")
        for call in (host, member, other, stays):
            call.hangup()
        self.server.wait_nothing_left()

    def test_another_phone_takes_the_seat_as_it_is(self):
        """RFC 3891: the member stays muted, and stays a member."""
        host, member = self.enter(self.ada, "3100", 440), self.enter(self.bo, "3100", 550)
        self.assertTrue(host.hears(550))
        member.dial("*1")
        until(lambda: host.deaf_to(550), 10, "the mute")
        taker = self.phone("1002").invite("3100", tone=660, headers=[("Replaces", own_name(member)), ("Require", "replaces")])
        taker.wait_answered()
        member.wait_ended()
        self.assertTrue(taker.hears(440))
        self.assertTrue(host.deaf_to(660))
        taker.dial("*1")
        taker.dial("8")
        self.assertTrue(host.hears(660, timeout=10))
        taker.hangup()
        host.hangup()

    def test_who_makes_a_room_of_a_call_is_its_host(self):
        """RFC 3911; nobody is asked for a PIN."""
        call = self.ada.invite("1002", tone=440)
        other = self.bo.wait_call()
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        third = self.phone("1002").invite("1001", tone=660, headers=[("Join", own_name(other)), ("Require", "join")])
        third.wait_answered()
        self.assertTrue(third.hears(440, 550))
        self.send_out(call, "1002")
        other.wait_ended(15)
        third.wait_ended(15)
        call.hangup()


if __name__ == "__main__":
    unittest.main()
