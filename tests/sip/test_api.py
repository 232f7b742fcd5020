"""The HTTP API: who may, what is answered and how, rooms, calls, messages, events; one server, few calls."""
import concurrent.futures
import errno
import http.client
import io
import json
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest
import wave

from api import PORT, ApiScenario, Events
from harness import SLOW, SOURCE, until
from mailbox import seed


def tiff():
    """A fax of one white page of eight rows: in T.6 each is one bit, V0; then EOFB."""
    data = b"\xff\x00\x10\x01"
    tags = [(256, 1728), (257, 8), (258, 1), (259, 4), (262, 0), (266, 1), (273, 8), (277, 1), (278, 8), (279, len(data))]
    return (b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) +
            b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4))


class TestProtocol(ApiScenario):
    SETTINGS = 'http { port = %d cors = {"https://intranet.example"} host = {"confab.example"} }' % PORT

    def test_health_and_readiness_need_no_token(self):
        self.assertEqual(self.get("/health", token=None), {"status": "alive"})
        self.assertEqual(self.get("/ready", token=None), {"status": "ready"})
        head = self.call("HEAD", "/health", token=None)
        self.assertEqual((head.status, head.body), (200, b""))

    def test_faults_are_problems(self):
        self.problem(self.call("GET", "/nowhere"), 404)
        answer = self.problem(self.call("PUT", "/api/v1/calls"), 405)
        self.assertEqual(answer.headers["Allow"], "GET, HEAD, POST, OPTIONS")
        self.problem(self.call("POST", "/api/v1/calls", raw=b"{", headers={"Content-Type": "application/json"}), 400)
        self.problem(self.call("POST", "/api/v1/calls", raw=b"user=1", headers={"Content-Type": "text/plain"}), 415)
        self.problem(self.call("POST", "/api/v1/calls", {"number": "1002"}), 400, "user")
        self.problem(self.call("POST", "/api/v1/calls", {"user": 1, "number": "1002"}), 400, "user")
        self.problem(self.call("POST", "/api/v1/calls", {"user": "1", "number": "2", "colour": "red"}), 400, "colour")
        self.problem(self.call("GET", "/api/v1/cdrs?limit=many"), 400, "limit")
        self.problem(self.call("POST", "/api/v1/calls", raw=b" " * 16384 + b"{}",
                               headers={"Content-Type": "application/json"}), 413)
        self.problem(self.call("GET", "/api/v1/rooms/3100"), 404)
        self.problem(self.call("PATCH", "/api/v1/rooms/3100/members/x", {"muted": True}), 404)

    def test_who_asks_needs_a_token_with_rights(self):
        answer = self.problem(self.call("GET", "/api/v1/status", token=None), 401)
        self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer"))
        self.problem(self.call("GET", "/api/v1/status", token="wrong"), 401)
        self.problem(self.call("GET", "/api/v1/status", token=self.token("admin", expires="now()")), 401)
        reader, host, owner = self.token("read-only"), self.token("host", "3100"), self.token("owner", "1001")
        self.get("/api/v1/status", token=reader)
        self.problem(self.call("POST", "/api/v1/calls", {"user": "1", "number": "2"}, token=reader), 403)
        self.get("/api/v1/mailboxes/1001/messages", 403, token=reader)  # what people say is not for him
        self.get("/api/v1/rooms/3100", 404, token=host)
        self.get("/api/v1/rooms/3101", 403, token=host)
        self.get("/api/v1/mailboxes/1001/messages", token=owner)
        self.get("/api/v1/mailboxes/1002/messages", 403, token=owner)
        self.get("/api/v1/mailboxes/100%31", token=owner)
        self.assertNotIn(owner, self.server.log())

    def test_sessions(self):
        wrong = {"mailbox": "1001", "pin": "112233"}
        self.problem(self.call("POST", "/api/v1/session", wrong, token=None), 401)
        answer = self.call("POST", "/api/v1/session", {"mailbox": "1001", "pin": "739146"}, token=None)
        self.assertEqual((answer.status, answer.json["role"], answer.json["subject"]), (201, "owner", "1001"))
        cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
        self.assertLessEqual({"HttpOnly", "SameSite=Strict"}, set(attributes))
        own = {"Cookie": cookie}
        self.get("/api/v1/mailboxes/1001", token=None, headers=own)
        self.get("/api/v1/mailboxes/1002", 403, token=None, headers=own)
        # A page of somebody else's cannot use it.
        self.problem(self.call("DELETE", "/api/v1/mailboxes/1001/messages/x", token=None,
                               headers={**own, "Origin": "https://evil.example"}), 403)
        self.assertEqual(self.call("DELETE", "/api/v1/session", token=None, headers=own).status, 204)
        self.problem(self.call("GET", "/api/v1/session", token=None, headers=own), 401)
        admin = self.call("POST", "/api/v1/session", {"token": self.admin}, token=None)
        self.assertEqual(admin.json["role"], "admin")
        # Without a secret nobody is known, even where the table has the digest of none.
        self.server.psql("insert into token (name, sha256, role) values ('none', sha256(''), 'admin')")
        self.problem(self.call("POST", "/api/v1/session", {"token": ""}, token=None), 401)
        rows = self.server.psql("select act, source, address from audit where mailbox = '1001' order by id")
        self.assertEqual([row[:2] for row in rows[-2:]], [["login-refused", "api"], ["login", "api"]])
        log = self.server.log()
        for secret in ("112233", "739146", self.admin, cookie.partition("=")[2]):
            self.assertNotIn(secret, log)

    def test_a_pin_that_must_change_opens_nothing(self):
        self.server.psql("update mailbox set pin_must_change = true where number = '1008'")
        answer = self.call("POST", "/api/v1/session", {"mailbox": "1008", "pin": "739146"}, token=None)
        self.problem(answer, 403)
        self.assertNotIn("Set-Cookie", answer.headers)

    def test_sessions_and_streams_are_counted(self):
        token = self.token("read-only")
        cookies = [self.call("POST", "/api/v1/session", {"token": token}, token=None).headers["Set-Cookie"].split(";")[0]
                   for _ in range(9)]
        self.get("/api/v1/session", 401, token=None, headers={"Cookie": cookies[0]})
        own = {"Cookie": cookies[1]}
        self.get("/api/v1/session", token=None, headers=own)
        listeners = [Events(self, token=None, headers=own) for _ in range(8)]
        self.problem(self.call("GET", "/api/v1/events", token=token), 429)
        self.assertEqual(self.call("DELETE", "/api/v1/session", token=None, headers=own).status, 204)
        for events in listeners:  # they end with their session
            events.response.read()

    def test_a_name_that_is_not_ours_is_answered_nothing(self):
        def under(host, path="/api/v1/status"):
            return self.call("GET", path, headers={"Host": host})
        self.problem(under("evil.example:8080"), 421)
        self.problem(under("evil.example", "/api/v1/openapi.json"), 421)
        for host in ("confab.example:8080", "CONFAB.example", "localhost:8080", "192.0.2.1", "[2001:db8::1]:8080"):
            self.assertEqual(under(host).status, 200, host)
        self.assertEqual(under("evil.example", "/ready").status, 200)

    def test_who_is_nobody_has_no_body(self):
        with socket.create_connection((self.server.address, PORT)) as nobody:  # what is promised is not waited for
            nobody.sendall(b"POST /api/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n")
            self.assertIn(b" 401 ", nobody.recv(100))
        self.problem(self.call("POST", "/api/v1/calls", raw=b"{", token=None, headers={"Content-Type": "application/json"}), 401)
        self.get("/health", raw=b"no JSON", token=None)  # nobody reads it

    def test_pages_from_elsewhere(self):
        welcome, other = {"Origin": "https://intranet.example"}, {"Origin": "https://elsewhere.example"}
        answer = self.call("OPTIONS", "/api/v1/calls", token=None, headers=welcome)
        self.assertEqual((answer.status, answer.headers["Allow"]), (204, "GET, HEAD, POST, OPTIONS"))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://intranet.example")
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertIsNone(self.call("OPTIONS", "/api/v1/calls", token=None, headers=other)
                          .headers["Access-Control-Allow-Origin"])

    def test_metrics(self):
        answer = self.call("GET", "/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        families, samples = {}, {}
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                families[name] = kind
            elif not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
                family = name.partition("{")[0]
                base = [f for f in families if family == f or family in (f + "_bucket", f + "_count", f + "_sum")]
                self.assertTrue(base, name + " has no TYPE")
        self.assertEqual(samples["confab_database_up"], 1)
        self.assertEqual(samples['confab_calls{state="bridged"}'], 0)
        self.assertGreater(samples["confab_tick_seconds_count"], 0)
        self.assertEqual(samples['confab_tick_seconds_bucket{le="+Inf"}'], samples["confab_tick_seconds_count"])

    def test_dashboard_and_alerts_name_what_there_is(self):
        known = {line.partition(" ")[0].partition("{")[0] for line in self.call("GET", "/metrics").body.decode().splitlines()
                 if not line.startswith("#")}
        dashboard = json.loads((SOURCE / "etc" / "grafana" / "confab.json").read_text())
        drawn = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
        alerts, keys = [], []
        for line in (SOURCE / "etc" / "prometheus" / "confab.rules.yml").read_text().splitlines():
            if (key := re.fullmatch(r"      (?:- |  )(alert|expr|for|labels|annotations): (.+)", line)):
                keys = [key[1]] if key[1] == "alert" else keys + [key[1]]
                if key[1] == "annotations":  # the last of each
                    self.assertEqual([k for k in keys if k != "for"], ["alert", "expr", "labels", "annotations"])
                alerts += [key[2]] if key[1] == "expr" else []
            else:
                self.assertTrue(line.startswith("#") or line in ("groups:", "  - name: confab", "    rules:"), line)
        self.assertGreater(len(alerts), 8)
        for expression in drawn + alerts:
            names = set(re.findall(r"\bconfab_\w+", expression))
            self.assertTrue(names or expression.startswith("up{"), expression)
            self.assertLessEqual(names, known, expression)

    def test_description_and_routes_are_one(self):
        described = self.get("/api/v1/openapi.json", token=None)
        self.assertTrue(described["openapi"].startswith("3.1"))
        self.assertEqual(described, json.loads((SOURCE / "core" / "control" / "openapi.json").read_text()))

    def test_database_away(self):
        self.get("/api/v1/status")  # it is known from here on
        self.server.database.stop("immediate")
        try:
            answer = until(lambda: (a := self.call("GET", "/ready", token=None)).status == 503 and a)
            self.assertIn("database", answer.json["reasons"][0])
            self.assertIn(b"confab_database_up 0", self.call("GET", "/metrics").body)
            self.problem(self.call("GET", "/api/v1/subscribers"), 503)
            self.get("/health", token=None)
        finally:
            self.server.database.start()
        until(lambda: self.call("GET", "/ready", token=None).status == 200, 30)


    def test_who_is_slow_or_gone_keeps_nobody_waiting(self):
        slow = []
        for start in (b"GET /api/v1/st", b"POST /api/v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b""):
            for _ in range(20):
                slow.append(socket.create_connection((self.server.address, PORT)))
                slow[-1].sendall(start)
        asked = b"GET /api/v1/subscribers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % self.admin.encode()
        for _ in range(50):  # they ask, and are gone before there is an answer
            with socket.create_connection((self.server.address, PORT)) as gone:
                gone.sendall(asked)
        self.get("/api/v1/status")
        for connection in slow:
            connection.close()
        self.problem(self.call("GET", "/" + "x" * 100), 404)
        with socket.create_connection((self.server.address, PORT)) as big:  # RFC 6585 section 5
            big.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 40000 + b"\r\n\r\n")
            self.assertIn(big.recv(100).split()[1], (b"431", b"413"))


class TestTls(ApiScenario):
    """One that signs itself: the key is made here, and nobody trusts it but this test."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="confab-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.pem, key = cls.folder + "/http.pem", cls.folder + "/http.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cls.pem, "-subj", "/CN=confab.test", "-days", "2"], check=True,
                       capture_output=True)
        cls.SETTINGS = 'http { port = %d certificate = "%s" key = "%s" }' % (PORT, cls.pem, key)
        super().setUpClass()

    def connect(self, local=None):
        context = ssl.create_default_context(cafile=self.pem)
        context.check_hostname = False  # it is called by its address
        return http.client.HTTPSConnection(self.server.address, PORT, timeout=10, context=context)

    def test_it_speaks_tls_alone(self):
        self.get("/api/v1/status")
        answer = self.call("POST", "/api/v1/session", {"token": self.admin}, token=None)
        self.assertIn("Secure", answer.headers["Set-Cookie"])
        with socket.create_connection((self.server.address, PORT)) as plain:
            plain.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            self.assertNotIn(b"200", plain.recv(100))


class TestLimits(ApiScenario):
    SETTINGS = "http { port = %d requests_per_minute = 3 }" % PORT

    def test_too_many_requests(self):
        token = self.token("read-only")
        for _ in range(3):
            self.get("/api/v1/status", token=token)
        answer = self.problem(self.call("GET", "/api/v1/status", token=token), 429)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.get("/health", token=None)

    def test_too_many_attempts(self):
        for _ in range(20):
            self.get("/api/v1/status", 401, token="wrong", local="127.0.0.9")
        self.problem(self.call("GET", "/api/v1/status", token="wrong", local="127.0.0.9"), 429)
        # Sessions alike, however many are begun at once; who knows the secret is not barred by using it.
        def login(secret):
            return self.call("POST", "/api/v1/session", {"token": secret}, token=None, local="127.0.0.8").status
        self.assertEqual({login(self.admin) for _ in range(25)}, {201})
        with concurrent.futures.ThreadPoolExecutor(25) as pool:
            states = sorted(pool.map(login, ["wrong"] * 25))
        self.assertEqual(states[:20], [401] * 20)
        self.assertEqual(states[-1], 429)


class TestStop(ApiScenario):
    def test_a_stop_is_told_and_ends_what_is_open(self):
        events = Events(self)
        call = self.phone("1001", registered=True).invite("9196").wait_answered()
        self.server.process.send_signal(signal.SIGTERM)
        answer = until(lambda: (a := self.call("GET", "/ready", token=None)).status == 503 and a)
        self.assertIn("being stopped", answer.json["reasons"][0])
        self.get("/api/v1/calls")
        call.hangup()
        self.assertEqual(self.server.process.wait(20 * SLOW), 0)
        try:
            while events.response.readline():
                pass
        except (http.client.IncompleteRead, ConnectionResetError):
            pass


class TestLive(ApiScenario):
    def test_rooms_and_their_members(self):
        host = self.token("host", "3100")
        events, own = Events(self), Events(self, token=host)
        ada = self.phone("1001", registered=True)
        call = ada.invite("3100", tone=440).wait_answered()
        self.assertEqual(own.next()[0], "room.began")
        topic, data = own.next("member.joined")
        self.assertEqual((data["room"]["room"], data["member"]["caller"]), ("3100", "1001"))
        path = "/api/v1/rooms/3100/members/%d" % data["member"]["member"]
        talker = self.phone("1002", registered=True).invite("3100", tone=550).wait_answered()
        until(lambda: self.get("/api/v1/rooms/3100")["members"] == 2)
        self.assertTrue(call.hears(550))
        self.assertTrue(own.next("member.talks")[1]["member"]["talks"])
        levels = Events(self, "/api/v1/events?room=3100", token=host).next("room.levels")[1]
        self.assertEqual(levels["room"], "3100")
        for member, level in levels["levels"]:
            self.assertIn(member, (1, 2))
            self.assertTrue(-30 < level < 0, levels)
        bo = [m for m in self.get("/api/v1/rooms/3100/members", token=host)["items"] if m["caller"] == "1002"][0]
        muted = self.call("PATCH", "/api/v1/rooms/3100/members/%d" % bo["member"], {"muted": True, "talk_gain": 3},
                          token=host)
        self.assertEqual((muted.status, muted.json["muted"], muted.json["talk_gain"]), (200, True, 3))
        until(lambda: call.deaf_to(550, seconds=0.5))
        room = self.call("PATCH", "/api/v1/rooms/3100", {"locked": True}, token=host).json
        self.assertTrue(room["locked"])
        self.phone("1003", registered=True).invite("3100").wait_ended()
        self.problem(self.call("PATCH", path, {"talk_gain": 100}, token=host), 400, "talk_gain")
        self.assertEqual(self.call("DELETE", "/api/v1/rooms/3100/members/%d" % bo["member"], token=host).status, 204)
        talker.wait_ended()
        acts = self.server.psql("select act, source from room_act order by at")
        self.assertEqual({row[1] for row in acts}, {"api"})
        self.assertEqual(self.call("DELETE", "/api/v1/rooms/3100", token=host).status, 204)
        call.wait_ended()
        own.next("room.ended")
        self.assertEqual(events.next("call.began")[1]["caller"], "1001")  # administrators hear of calls, too

    def test_a_host_opens_no_other_rooms_door(self):
        self.server.psql("insert into room (number, name, pin_hash) values ('3190', '', 'x')")
        events = Events(self)
        call = self.phone("1007", registered=True).invite("3110").wait_answered()
        move = {"act": "move", "member": events.next("member.joined")[1]["member"]["member"], "text": "3190"}
        self.call("POST", "/api/v1/rooms/3110/acts", move, token=self.token("host", "3110"))
        until(lambda: "move-refused room=3190 error=%d" % errno.EACCES in self.server.log())
        self.get("/api/v1/rooms/3190", 404)
        self.call("POST", "/api/v1/rooms/3110/acts", move)  # an administrator may
        self.assertEqual(events.next("member.joined")[1]["room"]["room"], "3190")
        call.hangup()

    def test_calls(self):
        ada, bo = (self.phone(n, registered=True) for n in ("1001", "1002"))
        events = Events(self)
        made = self.call("POST", "/api/v1/calls", {"user": "1001", "number": "1002"})
        self.assertEqual(made.status, 202)
        own = ada.wait_call()
        own.answer(tone=440)
        other = bo.wait_call()
        other.answer(tone=550)
        self.assertTrue(own.hears(550))
        path = made.headers["Location"]
        shown = until(lambda: (c := self.get(path))["state"] == "bridged" and c)
        self.assertEqual((shown["caller"], shown["number"], len(shown["legs"])), ("1001", "1002", 2))
        self.assertEqual([c["id"] for c in self.get("/api/v1/calls")["items"]], [made.json["id"]])
        so_far = self.get(path + "/trace?limit=2")
        self.assertEqual(([s["seq"] for s in so_far["items"]], so_far["next"]), ([1, 2], "2"))
        self.assertEqual(self.get(path + "/trace?after=2")["items"][0]["seq"], 3)
        self.assertEqual(self.call("DELETE", path).status, 204)
        own.wait_ended()
        other.wait_ended()
        self.assertEqual(events.next("call.ended")[1]["id"], made.json["id"])
        self.get(path, 404)
        record = until(lambda: (a := self.call("GET", "/api/v1/cdrs/" + made.json["id"])).status == 200 and a.json)
        self.assertEqual((record["number"], record["status"], len(record["legs"])), ("1002", 200, 2))
        steps = self.get(path + "/trace?limit=2")
        self.assertEqual((len(steps["items"]), steps["next"]), (2, "2"))
        self.assertEqual(self.get(path + "/trace?after=2")["items"][0]["seq"], 3)
        self.problem(self.call("GET", path + "/trace?after=x"), 400, "after")

    def test_withheld_numbers(self):
        call = self.phone("1009", registered=True).invite("9196", headers=[("Privacy", "id")]).wait_answered()
        (live,) = self.get("/api/v1/calls")["items"]
        self.assertEqual((live["caller"], live["subscriber"], live["legs"][0]["subscriber"]), ("", "", ""))
        call.hangup()
        record = until(lambda: (a := self.call("GET", "/api/v1/cdrs/" + live["id"])).status == 200 and a.json)
        self.assertNotIn("1009", [value for row in [record, *record["legs"]] for value in row.values()])
        self.assertNotIn(live["id"], [c["id"] for c in self.get("/api/v1/cdrs?number=1009")["items"]])
        self.assertIn(live["id"], [c["id"] for c in self.get("/api/v1/cdrs?number=9196")["items"]])

    def test_pages_of_a_fax(self):
        entry = seed(self.server, "1009", [(700, 1.0)])
        data = tiff()
        self.server.psql("update blob set audio = '\\x%s', sha256 = sha256('\\x%s') where id = (select m.blob from message m "
                         "join entry e on e.message = m.id where e.id = '%s')" % (data.hex(), data.hex(), entry))
        self.server.psql("update message set kind = 'fax', pages = 1 where id = (select message from entry where id = '%s')" % entry)
        path = "/api/v1/mailboxes/1009/messages/" + entry
        shown = self.get(path)
        self.assertEqual((shown["kind"], shown["pages"]), ("fax", 1))
        answer = self.call("GET", path + "/audio")
        self.assertEqual((answer.status, answer.headers["Content-Type"], answer.body[:5]), (200, "application/pdf", b"%PDF-"))
        self.problem(self.call("GET", path + "/audio?format=opus"), 400, "format")
        self.assertNotIn("audio-broken", self.server.log())

    def test_messages(self):
        owner = self.token("owner", "1002")
        events = Events(self, token=owner)
        seed(self.server, "1002", [(700, 1.0)], caller="1001")
        changed = events.next("mailbox.changed")[1]
        while changed["new"] == 0:
            changed = events.next("mailbox.changed")[1]
        path = "/api/v1/mailboxes/1002/messages"
        (message,) = self.get(path, token=owner)["items"]
        self.assertEqual((message["caller"], message["folder"], message["heard"]), ("1001", "inbox", False))
        one = path + "/" + message["id"]
        whole = self.call("GET", one + "/audio", token=owner)
        self.assertEqual(whole.headers["Content-Type"], "audio/wav")
        with wave.open(io.BytesIO(whole.body)) as sound:
            self.assertAlmostEqual(sound.getnframes() / sound.getframerate() * 1000, message["duration_ms"], delta=50)
        part = self.call("GET", one + "/audio", token=owner, headers={"Range": "bytes=44-143"})
        self.assertEqual((part.status, part.body), (206, whole.body[44:144]))
        self.assertEqual(part.headers["Content-Range"], "bytes 44-143/%d" % len(whole.body))
        self.problem(self.call("GET", one + "/audio", token=owner, headers={"Range": "bytes=99999999-"}), 416)
        for name, kind, magic in (("opus", "audio/ogg", b"OggS"), ("flac", "audio/flac", b"fLaC")):
            other = self.call("GET", one + "/audio?format=" + name, token=owner)
            self.assertEqual((other.status, other.headers["Content-Type"], other.body[:4]), (200, kind, magic))
            self.assertLess(len(other.body), len(whole.body))
            part = self.call("GET", one + "/audio?format=" + name, token=owner, headers={"Range": "bytes=10-"})
            self.assertEqual((part.status, part.body), (206, other.body[10:]))
        self.problem(self.call("GET", one + "/audio?format=mp3", token=owner), 400, "format")
        heard = self.call("PATCH", one, {"heard": True, "folder": "work", "urgent": True}, token=owner).json
        self.assertEqual((heard["heard"], heard["folder"], heard["urgent"]), (True, "work", True))
        self.problem(self.call("PATCH", one, {"heard": False, "version": message["version"]}, token=owner), 409)
        self.assertEqual(self.call("DELETE", one, token=owner).status, 204)
        self.assertEqual([m["id"] for m in self.get(path + "?folder=trash", token=owner)["items"]], [message["id"]])
        self.assertFalse(self.call("PATCH", one, {"deleted": False}, token=owner).json["deleted"])
        self.get("/api/v1/mailboxes/1003/messages/" + message["id"], 404)
        sources = self.server.psql("select distinct source from audit where mailbox = '1002' and act = 'heard'")
        self.assertEqual(sources, [["api"]])

    def test_events_go_on_where_they_stopped(self):
        events = Events(self)
        self.phone("1004", registered=True)
        self.assertEqual(events.next("registration.changed")[1], {"subscriber": "1004", "contacts": 1})
        last = events.id
        events.close()
        self.phone("1005", registered=True)
        again = Events(self, last=last)
        self.assertEqual(again.next("registration.changed")[1]["subscriber"], "1005")
        self.assertEqual(Events(self, last="00000000-1").next()[0], "reset")

    def test_lists_come_in_pages(self):
        first = self.get("/api/v1/subscribers?limit=4")
        self.assertEqual([s["number"] for s in first["items"]], ["1001", "1002", "1003", "1004"])
        rest = self.get("/api/v1/subscribers?limit=10&after=" + first["next"])
        self.assertEqual(([s["number"] for s in rest["items"]][0], rest["next"]), ("1005", None))
        self.assertEqual(self.get("/api/v1/subscribers/1003")["mailbox"], "1003")
        self.phone("1006", registered=True)
        (row,) = self.get("/api/v1/registrations?subscriber=1006")["items"]
        self.assertIn("1006", row["contact"])
        self.get("/api/v1/subscribers/9999", 404)


if __name__ == "__main__":
    unittest.main()
