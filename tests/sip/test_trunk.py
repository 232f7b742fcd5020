"""A peer that asks for credentials (RFC 3261 section 22, RFC 7616, RFC 8760)."""
import unittest

from harness import PLAN, Scenario, until
from message import challenge_parse, digest_answer, token
from phone import Phone
from referring import refer

USER, PASSWORD = "confab-user", "Sesame: open!"


class Server:
    """One server's challenge on the trunk's side."""

    def __init__(self, realm, status=401, algorithms=("MD5",), qop="auth,auth-int", opaque=None):
        self.realm, self.status, self.algorithms, self.qop, self.opaque = realm, status, algorithms, qop, opaque
        self.nonces, self.next_nonce = [token()], None
        self.used = set()
        self.deaf = False  # takes nobody's word

    def challenge(self, stale):
        name = "WWW-Authenticate" if self.status == 401 else "Proxy-Authenticate"
        self.nonces.append(token())
        lines = []
        for algorithm in self.algorithms:
            line = 'Digest realm="%s", nonce="%s"' % (self.realm, self.nonces[-1])
            line += ', algorithm=%s' % algorithm if algorithm else ""
            line += ', qop="%s"' % self.qop if self.qop else ""
            line += ', opaque="%s"' % self.opaque if self.opaque else ""
            lines.append((name, line + (", stale=true" if stale else "")))
        return lines

    def judge(self, request):
        """None: good; else whether its nonce is stale, or "none"."""
        name = "Authorization" if self.status == 401 else "Proxy-Authorization"
        for value in request.all(name):
            given = challenge_parse(value)
            if given["realm"] != self.realm:
                continue
            asked = {k: given[k] for k in ("realm", "nonce", "qop", "algorithm", "opaque") if k in given}
            right = challenge_parse(digest_answer(asked, request.method, request.uri, USER, PASSWORD,
                                                  int(given.get("nc", "1"), 16), given.get("cnonce")))
            use = (given["nonce"], given.get("nc"))
            if self.deaf or right["response"] != given["response"] or given.get("opaque") != self.opaque or \
                    given["username"] != USER or given["uri"] != request.uri or bool(self.qop) != ("qop" in given):
                return "wrong"
            if given["nonce"] != self.nonces[-1] or (self.qop and use in self.used):
                return "stale"
            self.used.add(use)
            return None
        return "none"


class Trunk(Phone):
    """The peer: what comes in passes its servers, one after another."""

    def __init__(self):
        super().__init__("127.0.0.1", "trunk", local="127.0.0.2")
        self.renew()

    def renew(self, *servers):
        self.servers, self.log = servers, []  # log: ("INVITE", "none"), …

    def _request(self, request, reply):
        if request.method not in ("ACK", "CANCEL"):
            for server in self.servers:
                fault = server.judge(request)
                if fault:
                    self.log.append((request.method, fault))
                    self.respond(request, reply, server.status, None, server.challenge(fault == "stale"))
                    return
            self.log.append((request.method, "good"))
        super()._request(request, reply)

    def respond(self, request, reply, status, reason=None, headers=(), body="", tag=None):
        server = self.servers[0] if self.servers else None
        if 200 <= status < 300 and server and server.next_nonce:
            server.nonces.append(server.next_nonce)
            headers = list(headers) + [("Authentication-Info", 'nextnonce="%s"' % server.next_nonce)]
            server.next_nonce = None
        return super().respond(request, reply, status, reason, headers, body, tag)


class TrunkCase(Scenario):
    SETTINGS = 'sip { refer = "pass" }'
    PLAN = PLAN + "".join('number "%s" { application = "peer" argument = "%s" }\n' % row for row in (
        ("0.", "trunk"), ("81.", "choosy"), ("82.", "bare")))

    @classmethod
    def setUpClass(cls):
        cls.trunk = Trunk()
        cls.addClassCleanup(cls.trunk.close)
        known = 'user = "%s" password = "%s"' % (USER, PASSWORD)
        cls.PEERS = "".join('peer "%s" { address = {"127.0.0.2"} uri = "sip:127.0.0.2:%d" %s }\n' % (
            name, cls.trunk.local_port, options) for name, options in (
            ("trunk", known), ("choosy", known + ' realm = "ours"'), ("bare", "")))
        super().setUpClass()
        cls.trunk.server = cls.server.address

    def setUp(self):
        super().setUp()
        self.addCleanup(self.no_secret)
        self.caller = self.phone("1001", registered=True)

    def no_secret(self):
        self.assertNotIn(PASSWORD, self.server.log())
        self.assertNotIn("Sesame", self.server.log())

    def call(self, *servers, number="0555", **more):
        """Through these servers: the caller's call and the trunk's."""
        self.trunk.renew(*servers)
        call = self.caller.invite(number, tone=440, **more)
        return call, self.trunk.wait_call()

    def up(self, *servers, **more):
        call, other = self.call(*servers, **more)
        other.answer(tone=550)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

    def end(self, call, other):
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()

    def refused(self, *servers, number="0555"):
        self.trunk.renew(*servers)
        call = self.caller.invite(number)
        self.assertEqual(call.wait_ended().status, 502)
        self.server.wait_nothing_left()
        return self.trunk.log

    def log(self, method):
        return [fault for m, fault in self.trunk.log if m == method]


class TestTrunk(TrunkCase):
    def test_each_kind_is_answered_and_kept(self):
        for server in (Server("a"), Server("a", 407), Server("b", algorithms=("SHA-256",), opaque="o~1"),
                       Server("b", 407, algorithms=("",)), Server("c", qop=None)):
            call, other = self.up(server)
            self.assertEqual(self.log("INVITE"), ["none", "good"])
            ack = other.wait_request("ACK")
            name = "Authorization" if server.status == 401 else "Proxy-Authorization"
            self.assertEqual(ack.get(name), other.invitation.get(name))
            call.hangup()
            other.wait_ended()
            self.assertEqual(self.log("BYE"), ["good"])  # at once
            self.server.wait_nothing_left()

    def test_of_several_algorithms_the_first_that_is_known(self):
        call, other = self.up(Server("a", algorithms=("SHA-512-256", "SHA-256", "MD5")))
        self.assertEqual(challenge_parse(other.invitation.get("Authorization"))["algorithm"], "SHA-256")
        self.end(call, other)

    def test_servers_in_a_row_are_all_answered(self):
        call, other = self.up(Server("one", 407), Server("two", 407), Server("three"))
        self.assertEqual(self.log("INVITE"), ["none", "none", "none", "good"])
        self.end(call, other)
        self.assertEqual(self.log("BYE"), ["good"])

    def test_a_wrong_answer_is_not_given_twice(self):
        server = Server("a")
        server.deaf = True
        self.assertEqual(self.refused(server), [("INVITE", "none"), ("INVITE", "wrong")])

    def test_what_cannot_be_answered_is_not(self):
        for server in (Server("a", algorithms=("MD5-sess",)), Server("a", qop="auth-int")):
            self.assertEqual(self.refused(server), [("INVITE", "none")])

    def test_stale_is_believed_once(self):
        class Hasty(Server):
            def judge(self, request):
                fault = super().judge(request)
                return "stale" if fault is None and self.hasty > 0 and (self.lose()) else fault

            def lose(self):
                self.hasty -= 1
                return True

        server = Hasty("a")
        server.hasty = 1
        call, other = self.up(server)
        self.assertEqual(self.log("INVITE"), ["none", "stale", "good"])
        self.end(call, other)
        server = Hasty("a")
        server.hasty = 9
        self.assertEqual([f for _, f in self.refused(server)], ["none", "stale", "stale"])

    def test_the_next_nonce_is_taken(self):
        server = Server("a")
        call, other = self.call(server)
        server.next_nonce = token()
        other.answer()
        call.wait_answered()
        other.wait_request("ACK")
        self.end(call, other)
        self.assertEqual(self.log("BYE"), ["good"])

    def test_no_other_realm_is_told_anything(self):
        self.assertEqual(self.refused(Server("theirs"), number="8155"), [("INVITE", "none")])
        call, other = self.up(Server("ours"), number="8155")
        self.end(call, other)

    def test_without_credentials_it_is_our_trouble_with_the_trunk(self):
        self.assertEqual(self.refused(Server("a", 407), number="8255"), [("INVITE", "none")])

    def test_a_caller_who_gives_up_after_the_challenge_leaves_nothing(self):
        call, other = self.call(Server("a"))
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")
        self.server.wait_nothing_left()


    def test_an_old_nonce_is_replaced_whatever_the_request(self):
        server = Server("a")
        call, other = self.up(server)
        server.nonces.append(token())
        call.hold()
        until(lambda: self.log("INVITE") == ["none", "good", "stale", "good"], what="a re-INVITE with credentials")
        call.resume()
        until(lambda: len(self.log("INVITE")) == 5, what="the next one")
        self.assertEqual(self.log("INVITE")[4], "good")
        self.assertTrue(call.hears(550) and other.hears(440))
        server.nonces.append(token())
        self.end(call, other)
        self.assertEqual(self.log("BYE"), ["stale", "good"])

    def test_a_server_that_asks_only_within_the_call(self):
        call, other = self.up()
        self.trunk.renew(Server("late", 407))
        self.end(call, other)
        self.assertEqual(self.log("BYE"), ["none", "good"])

    def test_a_call_from_the_trunk(self):
        self.trunk.renew(Server("a"))
        call = self.trunk.invite("1001", tone=550)
        other = self.caller.wait_call()
        other.answer(tone=440)
        call.wait_answered()
        other.hold()
        until(lambda: self.log("INVITE") == ["none", "good"], what="a re-INVITE with credentials")
        other.hangup()
        call.wait_ended()
        self.assertEqual(self.log("BYE"), ["good"])
        self.server.wait_nothing_left()

    def test_prack(self):
        server = Server("a", 407)
        call, other = self.call(server, headers=[("Supported", "100rel")])
        server.nonces.append(token())
        other.ring(183, early=True, tone=550, rseq=7)
        self.assertEqual(call.prack(call.wait_status(183)).status, 200)
        until(lambda: self.log("PRACK") == ["stale", "good"], what="a PRACK with credentials")
        self.assertEqual({r.get("RAck") for r in other.requests if r.method == "PRACK"},
                         {"7 %d INVITE" % other.invitation.cseq[0]})
        other.ring(180, rseq=8)
        until(lambda: self.log("PRACK") == ["stale", "good", "good"], what="the next one")
        other.answer()
        call.wait_answered()
        self.end(call, other)

    def test_refer(self):
        server = Server("a")
        call, other = self.up(server)
        allow = [("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, OPTIONS, REFER, NOTIFY")]
        self.assertEqual(other.request("UPDATE", allow).status, 200)
        server.nonces.append(token())
        refer(call, "1003")
        passed = other.wait_request("REFER")
        self.assertIn("1003", passed.get("Refer-To"))
        self.assertEqual(self.log("REFER"), ["stale", "good"])
        self.end(call, other)


if __name__ == "__main__":
    unittest.main()
