"""Click to dial: a REFER out of any dialog has the server call both sides (RFC 3725, RFC 5359 section 2.19)."""
import unittest

from harness import PEERS, Scenario
from referring import told


class TestClickToDial(Scenario):
    SETTINGS = "sip { ring = 2 }"
    PEERS = PEERS + '\npeer "carrier" { address = {"127.0.0.5"} trusted = false }'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null")

    def setUp(self):
        super().setUp()
        self.ada, self.bo = (self.phone(n, registered=True) for n in ("1001", "1002"))

    def click(self, phone, own="1001", other="1002", headers=(), expect=202):
        response = phone.request("REFER", phone.uri(own), [("Refer-To", "<%s>" % phone.uri(other))] + list(headers))
        self.assertEqual(response.status, expect, response.start)
        return response

    def test_ones_own_phone_rings_first(self):
        self.click(self.phone("1001"))
        own = self.ada.wait_call()
        self.assertEqual(own.caller, "1002")
        own.answer(tone=440)
        other = self.bo.wait_call()
        self.assertEqual(other.caller, "1001")
        other.ring()
        self.assertTrue(own.hears(440, 480))
        other.answer(tone=550)
        self.assertTrue(own.hears(550))
        self.assertTrue(other.hears(440))
        other.hangup()
        own.wait_ended()

    def test_who_has_clicked_is_told(self):
        clicker = self.phone("1001")
        self.click(clicker)
        own = self.ada.wait_call()
        own.answer(tone=440)
        other = self.bo.wait_call()
        other.answer(tone=550)
        self.assertEqual(told(clicker), [100, 200])
        own.hangup()
        other.wait_ended()

    def test_failures_are_told(self):
        clicker = self.phone("1001")
        self.click(clicker)
        self.ada.wait_call().reject(486)
        self.assertEqual(told(clicker), [100, 486])
        self.click(clicker)
        own = self.ada.wait_call()
        own.answer()
        self.bo.wait_call().reject(603)
        self.assertGreaterEqual(told(clicker)[-1], 400)
        own.wait_ended()
        self.click(clicker, other="99999")
        own = self.ada.wait_call()
        own.answer()
        self.assertEqual(told(clicker)[-1], 404)
        own.wait_ended()

    def test_no_news_are_wanted(self):
        clicker = self.phone("1001")
        response = self.click(clicker, headers=[("Refer-Sub", "false"), ("Supported", "norefersub")], expect=200)
        self.assertEqual(response.get("Refer-Sub"), "false")
        own = self.ada.wait_call()
        own.answer(tone=440)
        other = self.bo.wait_call()
        other.answer(tone=550)
        self.assertTrue(own.hears(550))
        self.assertTrue(clicker.notifies.empty())
        own.hangup()
        other.wait_ended()

    def test_the_trusted_peer_clicks_for_anybody(self):
        pbx = self.pbx()
        self.click(pbx)
        own = self.ada.wait_call()
        own.answer(tone=440)
        other = self.bo.wait_call()
        other.answer(tone=550)
        self.assertEqual(told(pbx), [100, 200])
        self.assertTrue(own.hears(550))
        own.hangup()
        other.wait_ended()

    def test_nobody_clicks_for_others(self):
        self.click(self.phone("1003"), expect=403)
        self.click(self.phone("1001", password="wrong"), expect=407)
        self.click(self.phone("carrier", password="", local="127.0.0.5"), expect=403)
        self.assertTrue(self.ada.incoming.empty())

    def test_a_telephone_number(self):
        phone = self.phone("1001")
        response = phone.request("REFER", phone.uri("1001"), [("Refer-To", "<tel:1002>")])
        self.assertEqual(response.status, 202)
        own = self.ada.wait_call()
        own.answer()
        other = self.bo.wait_call()
        other.reject(486)
        own.wait_ended()


if __name__ == "__main__":
    unittest.main()
