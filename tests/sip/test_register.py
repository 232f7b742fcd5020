"""The registrar: digest, expiry, Path, several contacts, restart, TCP and IPv6 (RFC 3261 section 10, RFC 7616, RFC 3327)."""
import random
import socket
import unittest

from harness import Scenario, run_sipp
from message import digest_answer, challenge_parse, token, uri_of
from phone import Phone


def shape(response):
    """What an outsider can tell a response by: status, reason, headers, and the parameters of its challenges."""
    headers = sorted(n.lower() for n, _ in response.headers)
    challenges = [sorted((k, v) for k, v in challenge_parse(c).items() if k not in ("nonce", "opaque"))
                  for c in response.all("WWW-Authenticate")]
    return response.status, response.reason, headers, challenges


class TestDigest(Scenario):
    def test_sha256_and_md5_are_offered(self):
        response = self.phone("1001").register(authenticate=False, expect=401)
        offered = [challenge_parse(v) for v in response.all("WWW-Authenticate")]
        self.assertEqual([c.get("algorithm") for c in offered], ["MD5", "SHA-256"])  # RFC 8760 section 2.4; SIPp reads the first alone
        for challenge in offered:
            self.assertEqual(challenge["realm"], "confab")
            self.assertEqual(challenge["qop"], "auth")

    def test_both_algorithms_let_a_user_in(self):
        for algorithm in ("SHA-256", "MD5"):
            with self.subTest(algorithm):
                response = self.phone("1001", algorithms=[algorithm]).register()
                self.assertIn("expires=", response.get("Contact"))

    def test_wrong_password_and_unknown_user_look_alike(self):
        wrong, unknown = self.phone("1001", password="wrong"), self.phone("8888", password="wrong")
        for authenticate in (False, True):
            self.assertEqual(shape(wrong.register(authenticate=authenticate, expect=None)),
                             shape(unknown.register(authenticate=authenticate, expect=None)))
        self.assertIn(wrong.register(expect=None).status, (401, 403))

    def test_a_user_registers_only_himself(self):
        response = self.phone("1002", realm_user="1001", password="confab-1001").register(expect=None)
        self.assertEqual(response.status, 403)

    def challenge(self, phone, algorithm="SHA-256"):
        response = phone.register(authenticate=False, expect=401)
        return next(c for c in map(challenge_parse, response.all("WWW-Authenticate")) if c["algorithm"] == algorithm)

    def answered(self, phone, challenge, count, **more):
        uri = "sip:" + phone.server
        value = digest_answer(challenge, "REGISTER", uri, phone.user, phone.password, count, **more)
        phone.register_cseq += 2
        return phone.request("REGISTER", uri, [("Authorization", value), ("Expires", "60")], authenticate=False,
                             call_id=phone.register_call_id, cseq=phone.register_cseq,
                             to="<sip:%s@%s>" % (phone.user, phone.server))

    def test_a_nonce_count_is_good_once(self):
        phone = self.phone("1001")
        challenge = self.challenge(phone)
        cnonce = token()
        self.assertEqual(self.answered(phone, challenge, 1, cnonce=cnonce).status, 200)
        self.assertEqual(self.answered(phone, challenge, 2, cnonce=cnonce).status, 200)
        self.assertEqual(self.answered(phone, challenge, 2, cnonce=cnonce).status, 401)
        self.assertEqual(self.answered(phone, challenge, 3, cnonce=cnonce).status, 200)

    def test_a_nonce_of_ours_that_is_old_is_stale(self):
        """A right answer to the nonce of an earlier process gets a new nonce and stale=true: no new password is asked for."""
        phone = self.phone("1001")
        challenge = self.challenge(phone)
        self.server.restart()
        response = self.answered(phone, challenge, 1)
        self.assertEqual(response.status, 401)
        self.assertEqual({challenge_parse(c).get("stale", "").lower() for c in response.all("WWW-Authenticate")}, {"true"})

    def test_a_wrong_answer_is_never_called_stale(self):
        phone = self.phone("1001")
        challenge = self.challenge(phone)
        phone.password = "wrong"
        challenge["nonce"] = "0" * len(challenge["nonce"])
        response = self.answered(phone, challenge, 1)
        self.assertNotIn("true", {challenge_parse(c).get("stale", "").lower() for c in response.all("WWW-Authenticate")})

    def test_sipp_registers(self):
        run_sipp(self.server, "register.xml", "-au", "1003", "-ap", "confab-1003", service="1003", calls=3)

    def test_baresip_registers(self):
        self.baresip("1004")


class TestBindings(Scenario):
    def bound(self, user):
        """What a REGISTER without Contact tells (RFC 3261 section 10.2.3)."""
        response = self.phone(user).register(contact="")
        return {uri_of(c) for c in response.all("Contact")}

    def test_too_brief_gets_423_with_the_minimum(self):
        response = self.phone("1001").register(expires=5, expect=423)
        self.assertEqual(response.get("Min-Expires"), "60")  # RFC 3261 section 10.3 step 7

    def test_too_long_is_cut(self):
        response = self.phone("1001").register(expires=10 ** 6)
        self.assertLessEqual(int(response.param("Contact", "expires")), 7200)

    def test_several_contacts_and_their_removal(self):
        phone = self.phone("1002")
        phone.register(contact="<sip:1002@127.0.0.1:7001>, <sip:1002@127.0.0.1:7002>;q=0.5")
        self.assertEqual(self.bound("1002"), {"sip:1002@127.0.0.1:7001", "sip:1002@127.0.0.1:7002"})
        phone.register(contact="<sip:1002@127.0.0.1:7001>", expires=0)
        self.assertEqual(self.bound("1002"), {"sip:1002@127.0.0.1:7002"})
        phone.register(contact="*", expires=0)
        self.assertEqual(self.bound("1002"), set())

    def test_star_needs_expires_zero(self):
        self.phone("1002").register(contact="*", expires=60, expect=400)

    def test_an_older_cseq_changes_nothing(self):
        phone = self.phone("1003")
        phone.register_cseq = 100
        phone.register()
        phone.register_cseq = 50
        response = phone.register(contact="<%s>" % phone.contact, expires=0, expect=None)
        self.assertGreaterEqual(response.status, 400)  # RFC 3261 section 10.3 step 7: the request fails
        self.assertEqual(self.bound("1003"), {phone.contact})

    def test_path_is_kept_returned_and_used(self):
        """RFC 3327: calls to the contact go by the Path."""
        phone = self.phone("1004")
        proxy = self.phone("proxy")  # stands for the edge proxy that wrote itself into the Path
        path = "<sip:%s:%d;lr>" % (proxy.host, proxy.local_port)
        response = phone.register(headers=[("Path", path), ("Supported", "path")])
        self.assertEqual(response.get("Path"), path)
        caller = self.phone("1001", registered=True)
        call = caller.invite("1004")
        seen = proxy.wait_call()
        self.assertEqual(seen.invitation.get("Route"), path)
        self.assertEqual(uri_of(seen.invitation.uri), phone.contact)
        call.hangup()

    def test_bindings_survive_a_restart(self):
        phone, caller = self.phone("1005", registered=True), self.phone("1001", registered=True)
        self.server.kill()
        self.server.start()
        call = caller.invite("1005")
        phone.wait_call().ring()
        call.wait_status(180)
        call.hangup()

    def test_a_binding_ends_with_its_time(self):
        phone = self.phone("1006", registered=True)
        self.server.psql("update binding set expires = now() - interval '1 second' where subscriber = '1006'")
        self.assertEqual(self.bound("1006"), set())
        phone.register()
        self.assertEqual(self.bound("1006"), {phone.contact})


class TestTransports(Scenario):
    PORT = random.randint(15000, 19000)
    LISTEN = ("[::1]:%d" % PORT,)

    def meet(self, caller, callee):
        call = caller.invite(callee.user, tone=440)
        other = callee.wait_call()
        other.ring()
        call.wait_status(180)
        other.answer(tone=550)
        call.wait_answered()
        self.assertTrue(call.hears(550))
        self.assertTrue(other.hears(440))
        other.hangup()
        call.wait_ended()

    def test_tcp_both_ways(self):
        tcp, udp = self.phone("1001", registered=True, transport="tcp"), self.phone("1002", registered=True)
        self.meet(tcp, udp)
        self.meet(udp, tcp)

    def six(self, user):
        phone = Phone("::1", user, "confab-" + user, port=self.PORT)
        self.addCleanup(phone.close)
        phone.register()
        return phone

    def test_ipv6_and_ipv4_meet(self):
        six, four = self.six("1003"), self.phone("1004", registered=True)
        self.meet(six, four)
        self.meet(four, six)

    def test_options_is_answered(self):
        for transport in ("udp", "tcp"):
            phone = self.phone("1005", transport=transport)
            response = phone.request("OPTIONS", "sip:" + self.server.address)
            self.assertEqual(response.status, 200)
            self.assertIn("INVITE", response.all("Allow"))

    def test_rubbish_is_survived(self):
        phone = self.phone("1005")
        pieces = [b"\0" * 100, b"INVITE", b"\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE sip:a@b SIP/2.0\r\n\r\n",
                  b"OPTIONS sip: SIP/2.0\r\nVia: x\r\nFrom: \r\nTo: \r\nCall-ID:\r\nCSeq: a b\r\nContent-Length: -5\r\n\r\n",
                  b"REGISTER sip:x SIP/2.0\r\nAuthorization: Digest " + b"a" * 4000 + b"\r\n\r\n",
                  b"INVITE sip:%00@x?Subject=%zz SIP/2.0\r\nContact: *\r\n\r\n"]
        generator = random.Random(5060)
        good = phone.build("OPTIONS", "sip:" + self.server.address).encode()
        for _ in range(200):
            broken = bytearray(good)
            for _ in range(generator.randint(1, 8)):
                broken[generator.randrange(len(broken))] = generator.randrange(256)
            pieces.append(bytes(broken))
        for piece in pieces:
            phone.send(piece)
        with socket.create_connection((self.server.address, 5060)) as stream:
            stream.sendall(b"INVITE sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\nabc")
            self.assertEqual(phone.request("OPTIONS", "sip:" + self.server.address).status, 200)


if __name__ == "__main__":
    unittest.main()
