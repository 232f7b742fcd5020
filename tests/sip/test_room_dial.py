"""Calls that a conference makes by itself: for a caller who brings a list of guests (RFC 5366), and for one who pages
(RFC 5373)."""
import unittest

from harness import PLAN, Scenario, until
from message import token
from phone import Call

ROOMS = """
insert into room (number, host, dial_out, dial_out_max) values ('3110', '1001', '{10XX}', 2), ('3111', null, '{10XX}', 4);
update subscriber set mailbox = null;
"""
BOUNDARY = "cut-here"
LIST = """<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol">
  <list>%s</list>
</resource-lists>"""


class GuestsCase(Scenario):
    SETTINGS = "sip { ring = 2 }"
    PLAN = PLAN + 'number "600" { application = "page" argument = "1001,1002, 1003,1009" }\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(ROOMS)

    def setUp(self):
        super().setUp()
        self.ada, self.bo, self.cy = (self.phone(n, registered=True) for n in ("1001", "1002", "1003"))


class TestList(GuestsCase):
    def bring(self, phone, room, guests, tone=440, xml=None, disposition="recipient-list", sdp=True):
        """An INVITE with SDP and a list."""
        call = Call(phone, token(), phone.codecs, tone)
        entries = "".join('<entry uri="%s" cp:copyControl="to"/>' % (g if ":" in g else phone.uri(g)) for g in guests)
        parts = [("application/resource-lists+xml\r\nContent-Disposition: " + disposition, xml or LIST % entries)]
        parts = ([("application/sdp", call.offer())] if sdp else []) + parts
        body = "".join("--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (BOUNDARY, kind, part) for kind, part in parts)
        call.start(phone.uri(room), [("Content-Type", "multipart/mixed;boundary=" + BOUNDARY),
                                     ("Require", "recipient-list-invite")], body + "--" + BOUNDARY + "--\r\n")
        return call

    def test_all_of_them_meet(self):
        """Each is called once, and the caller not at all."""
        host = self.bring(self.ada, "3110", ["1002", "sips:1003@elsewhere.example", "1002", "1001"])
        host.wait_answered()
        one, two = self.bo.wait_call(), self.cy.wait_call()
        self.assertEqual(one.caller, "3110")
        one.answer(tone=550)
        two.answer(tone=660)
        self.assertTrue(host.hears(550, 660, timeout=15))
        self.assertTrue(one.hears(440, 660, timeout=15))
        self.assertTrue(two.hears(440, 550, timeout=15))
        for phone in (self.ada, self.bo, self.cy):
            self.assertTrue(phone.incoming.empty())
        for call in (one, two, host):
            call.hangup()
        self.server.wait_nothing_left()

    def test_who_begins_a_conference_in_a_room_that_is_nobodys(self):
        host = self.bring(self.cy, "3111", ["1002"])
        host.wait_answered()
        self.bo.wait_call().reject(486)
        self.assertEqual(self.bring(self.ada, "3111", ["1002"]).wait_ended().status, 403)  # the second is not its host
        host.hangup()

    def test_refusals(self):
        for room, phone, guests, status in (("3110", self.cy, ["1002"], 403), ("3110", self.ada, ["1002", "0012"], 403),
                                            ("3110", self.ada, ["1002", "1003", "1004"], 413),
                                            ("3112", self.ada, ["1002"], 403), ("1003", self.ada, ["1002"], 403),
                                            ("3110", self.ada, ["mailto:a@b"], 400), ("3110", self.ada, ["tel:" + "1" * 64], 400), ("3110", self.ada, [], 400),
                                            ("3111", self.ada, ["1%03d" % n for n in range(70)], 413)):
            self.assertEqual(self.bring(phone, room, guests).wait_ended().status, status, (room, guests))
        for xml in ("<resource-lists>", "", "<other/>", "<!DOCTYPE resource-lists [<!ENTITY a \"b\">]>" + LIST % "<entry uri='sip:1002@a'/>",
                    LIST % ("<list>" * 20 + "<entry uri='sip:1002@a'/>" + "</list>" * 20)):
            self.assertEqual(self.bring(self.ada, "3110", [], xml=xml or " ").wait_ended().status, 400, xml)
        self.assertTrue(self.bo.incoming.empty())

    def test_a_list_of_another_kind_is_none(self):
        """RFC 5364: who else was invited is no wish."""
        call = self.bring(self.ada, "3110", ["1002"], disposition="recipient-list-history").wait_answered()
        call.hangup()
        self.assertTrue(self.bo.incoming.empty())


class TestPage(GuestsCase):
    def test_phones_answer_by_themselves_and_only_listen(self):
        pager = self.ada.invite("600", tone=440).wait_answered()
        one, two = self.bo.wait_call(), self.cy.wait_call()
        for call in (one, two):
            self.assertEqual(call.invitation.get("Answer-Mode"), "Auto;require")
            self.assertIn("answer-after=0", call.invitation.get("Call-Info"))
        one.answer(tone=550)
        two.answer(tone=660)
        self.assertTrue(one.hears(440))
        self.assertTrue(two.hears(440))
        self.assertTrue(one.deaf_to(660))
        self.assertTrue(pager.deaf_to(550, 660))
        self.assertTrue(self.ada.incoming.empty())
        two.hangup()
        pager.hangup()
        one.wait_ended()
        self.server.wait_nothing_left()

    def test_nobody_makes_a_phone_answer_against_its_will(self):
        call = self.ada.invite("1002", headers=[("Priv-Answer-Mode", "Auto;require")])
        self.assertEqual(call.wait_ended().status, 403)
        call = self.ada.invite("1002", headers=[("Answer-Mode", "Auto")])
        self.assertIsNone(self.bo.wait_call().invitation.get("Answer-Mode"))
        call.hangup()
        call = self.pbx().invite("1002", headers=[("Priv-Answer-Mode", "Auto;require")])
        self.assertEqual(self.bo.wait_call().invitation.get("Priv-Answer-Mode"), "Auto;require")
        call.hangup()


if __name__ == "__main__":
    unittest.main()
