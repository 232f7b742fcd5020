"""The HTTP API where administrators change things: subscribers, services, mailboxes, tokens; transfers, and messages sent on."""
import pathlib
import shutil
import tempfile
import unittest

from api import PORT, ApiScenario
from harness import until
from mailbox import seed


class TestOffice(ApiScenario):
    @classmethod
    def setUpClass(cls):
        cls.recordings = tempfile.mkdtemp(prefix="confab-recordings-")
        cls.addClassCleanup(shutil.rmtree, cls.recordings)
        cls.SETTINGS = 'http { port = %d }\nconference { recordings = "%s" }' % (PORT, cls.recordings)
        super().setUpClass()

    def test_subscribers_and_their_services(self):
        one = "/api/v1/subscribers/1500"
        answer = self.call("POST", "/api/v1/subscribers", {"number": "1500", "name": "Zoë", "password": "open sesame"})
        self.assertEqual((answer.status, answer.json["name"], answer.json["zone"]), (201, "Zoë", "UTC"), answer)
        self.problem(self.call("POST", "/api/v1/subscribers", {"number": "1500"}), 409)
        self.problem(self.call("POST", "/api/v1/subscribers", {"number": "1501", "mailbox": "77"}), 400, "mailbox")
        self.problem(self.call("POST", "/api/v1/subscribers", {"number": "1501", "ring_s": "long"}), 400, "ring_s")
        self.problem(self.call("POST", "/api/v1/subscribers", {"number": "1501"}, token=self.token("read-only")), 403)
        self.get("/api/v1/subscribers/1501", 404)
        self.phone("1500", password="open sesame", registered=True)
        changed = self.call("PATCH", one, {"password": "another", "zone": "Europe/Paris", "mailbox": "1003", "ring_s": 7})
        self.assertEqual([changed.json[key] for key in ("name", "zone", "mailbox", "ring_s")], ["Zoë", "Europe/Paris", "1003", 7])
        self.phone("1500", password="another", registered=True)
        self.assertIsNone(self.call("PATCH", one, {"mailbox": None}).json["mailbox"])
        self.problem(self.call("PATCH", one, {"zone": "Middle/Earth"}), 400)
        self.problem(self.call("PATCH", "/api/v1/subscribers/1501", {"name": "x"}), 404)
        service = one + "/services/forward-busy"
        self.assertEqual(self.call("PUT", service, {"parameters": {"to": "1003"}}).json["services"],
                         {"forward-busy": {"to": "1003"}})
        self.assertEqual(self.call("PUT", service, {"enabled": False}).json["services"], {})
        self.assertEqual(self.call("PUT", service, {"enabled": True}).json["services"], {"forward-busy": {"to": "1003"}})
        self.problem(self.call("PUT", service, {"parameters": ["1003"]}), 400, "parameters")
        self.problem(self.call("PUT", "/api/v1/subscribers/1501/services/dnd", {}), 404)
        self.assertEqual(self.call("DELETE", one).status, 204)
        self.problem(self.call("DELETE", one), 404)
        for secret in ("open sesame", "another"):
            self.assertNotIn(secret, self.server.log())

    def test_mailboxes(self):
        one = "/api/v1/mailboxes/1500"
        self.problem(self.call("POST", "/api/v1/mailboxes", {"number": "1500", "pin": "123456"}), 400, "pin")
        self.get(one, 404)  # all of it or nothing
        made = self.call("POST", "/api/v1/mailboxes", {"number": "1500", "name": "Zoë", "pin": "602947", "max_messages": 5})
        self.assertEqual((made.status, made.json["max_messages"]), (201, 5), made)
        login = {"mailbox": "1500", "pin": "602947"}
        self.assertEqual(self.call("POST", "/api/v1/session", login, token=None).status, 201)
        self.assertEqual(self.call("PATCH", one, {"pin": "830164", "kind": "shared"}).json["kind"], "shared")
        self.problem(self.call("POST", "/api/v1/session", login, token=None), 401)
        self.problem(self.call("PATCH", one, {"pin": "602947"}), 400, "pin")  # it had that one
        self.problem(self.call("PATCH", one, {"kind": "secret"}), 400)
        self.problem(self.call("PATCH", one, {"name": "x"}, token=self.token("owner", "1500")), 403)

    def test_tokens(self):
        made = self.call("POST", "/api/v1/tokens", {"name": "wall", "role": "host", "subject": "3100", "days": 1})
        self.assertEqual(made.status, 201, made)
        self.get("/api/v1/rooms/3100", 404, token=made.json["secret"])
        (row,) = [row for row in self.get("/api/v1/tokens")["items"] if row["name"] == "wall"]
        self.assertEqual((row["id"], row["subject"], set(row) & {"secret", "sha256"}), (made.json["id"], "3100", set()))
        self.assertIsNotNone(row["expires"])
        self.assertEqual(self.call("DELETE", "/api/v1/tokens/" + row["id"]).status, 204)
        self.get("/api/v1/rooms/3100", 401, token=made.json["secret"])
        self.problem(self.call("DELETE", "/api/v1/tokens/" + row["id"]), 404)
        self.problem(self.call("POST", "/api/v1/tokens", {"name": "x", "role": "king"}), 400)
        self.problem(self.call("GET", "/api/v1/tokens", token=self.token("read-only")), 403)
        self.assertNotIn(made.json["secret"], self.server.log())

    def test_a_message_is_sent_on(self):
        owner = self.token("owner", "1002")
        seed(self.server, "1002", [(700, 1.0)], caller="1001")
        path = "/api/v1/mailboxes/1002/messages"
        (message,) = self.get(path, token=owner)["items"]
        forward = "%s/%s/forward" % (path, message["id"])
        sent = self.call("POST", forward, {"to": "1004"}, token=owner)
        self.assertEqual((sent.status, sent.json), (200, {"placed": 1, "missed": 0, "misses": []}), sent)
        self.assertEqual(len(self.get("/api/v1/mailboxes/1004/messages")["items"]), 1)
        self.problem(self.call("POST", forward, {"to": "77"}, token=owner), 400, "to")
        self.problem(self.call("POST", forward, {}, token=owner), 400, "to")
        self.problem(self.call("POST", forward.replace("1002", "1003"), {"to": "1004"}), 404)

    def test_recordings(self):
        folder = pathlib.Path(self.recordings)
        for name, data in (("3100-a.wav", b"RIFF and so on"), ("3100-b.flac", b"fLaC"), ("31000-c.wav", b"RIFF"), (".hidden", b"x")):
            (folder / name).write_bytes(data)
        (folder / "3100-link.wav").symlink_to(self.server.config)
        first = self.get("/api/v1/recordings?room=3100&limit=1")
        self.assertEqual([(f["name"], f["bytes"]) for f in first["items"]], [("3100-a.wav", 14)])
        rest = self.get("/api/v1/recordings?room=3100&after=" + first["next"])
        self.assertEqual(([f["name"] for f in rest["items"]], rest["next"]), (["3100-b.flac"], None))
        whole = self.call("GET", "/api/v1/recordings/3100-b.flac")
        self.assertEqual((whole.status, whole.headers["Content-Type"], whole.body), (200, "audio/flac", b"fLaC"))
        part = self.call("GET", "/api/v1/recordings/3100-a.wav", headers={"Range": "bytes=0-3"})
        self.assertEqual((part.status, part.body), (206, b"RIFF"))
        self.assertTrue((folder / "3100-a.wav").exists())
        for name in (".hidden", "3100-link.wav", "none.wav", "..%2fetc%2fpasswd"):
            self.problem(self.call("GET", "/api/v1/recordings/" + name), 404)
        self.problem(self.call("GET", "/api/v1/recordings", token=self.token("read-only")), 403)
        long = folder / ("3100-20260102T030405Z-1a2b-1-%s.wav" % ("9" * 60))  # longer than any number
        long.write_bytes(b"RIFF")
        self.assertEqual(self.call("GET", "/api/v1/recordings/" + long.name).body, b"RIFF")
        self.problem(self.call("DELETE", "/api/v1/recordings/" + long.name, token=self.token("read-only")), 403)
        self.assertEqual(self.call("DELETE", "/api/v1/recordings/" + long.name).status, 204)
        self.assertFalse(long.exists())
        for name in (long.name, ".hidden", "3100-link.wav", "..%2f" + pathlib.Path(self.server.config).name):
            self.problem(self.call("DELETE", "/api/v1/recordings/" + name), 404)
        self.assertTrue((folder / ".hidden").exists() and (folder / "3100-link.wav").exists())

    def test_rooms(self):
        one = "/api/v1/room-settings/3950"
        times = [{"begins": "2020-01-06T10:00:00", "minutes": 60, "zone": "Europe/Paris", "repeat": "FREQ=WEEKLY;BYDAY=MO",
                  "early_minutes": 5, "title": "Monday"}]
        wanted = {"name": "Board", "language": "fr", "max_members": 7, "waiting": "host", "record": "mix", "lecture": True,
                  "dial_out": ["1XXX"], "times": times}
        made = self.call("PUT", one, wanted)
        self.assertEqual((made.status, made.json and {key: made.json[key] for key in wanted}), (200, wanted), made)
        self.assertIn("3950", [room["number"] for room in self.get("/api/v1/room-settings")["items"]])
        for member, value in (("record", "video"), ("max_members", -1), ("times", [{"minutes": 5}]), ("profile", "none"),
                              ("times", [{**times[0], "zone": "Middle/Earth"}]), ("times", "always"), ("colour", "red")):
            self.assertEqual(self.call("PUT", one, {member: value}).status, 400, member)
        self.assertEqual(self.get(one)["times"], times)  # all of a change or nothing
        for role, pin in (("member", "480216"), ("host", "591327")):
            self.assertEqual(self.call("PUT", "%s/pins/%s" % (one, role), {"pin": pin}).status, 200)
            self.problem(self.call("PUT", "%s/pins/%s" % (one, role), {"pin": "12x4"}), 400)
            self.problem(self.call("PUT", "%s/pins/%s" % (one, role), {"pin": ""}), 400, "pin")
            self.assertNotIn(pin, self.server.log())
        again = self.call("PUT", one, {"name": "Open"}).json
        self.assertEqual([again[key] for key in ("name", "waiting", "times", "has_pin", "has_host_pin")],
                         ["Open", None, [], True, True])
        self.assertFalse({"pin_hash", "moderator_pin_hash"} & set(again))
        self.assertEqual(self.call("DELETE", one + "/pins/member").status, 204)
        self.assertEqual([self.get(one)[key] for key in ("has_pin", "has_host_pin")], [False, True])
        self.problem(self.call("PUT", one + "/pins/king", {"pin": "480216"}), 404)
        self.problem(self.call("PUT", "/api/v1/room-settings/3951/pins/host", {"pin": "480216"}), 404)
        self.get(one, token=self.token("host", "3950"))
        self.problem(self.call("PUT", one, {}, token=self.token("host", "3950")), 403)
        self.assertEqual(self.call("DELETE", one).status, 204)
        self.get(one, 404)

    def test_a_call_is_transferred(self):
        a, b, c = (self.phone(number, registered=True) for number in ("1001", "1002", "1004"))
        call = a.invite("1002")
        other = b.wait_call()
        self.problem(self.call("POST", "/api/v1/calls/%s/transfer" % self.get("/api/v1/calls")["items"][0]["id"], {"to": "1004"}), 409)
        other.answer()
        call.wait_answered()
        ident = until(lambda: [c["id"] for c in self.get("/api/v1/calls")["items"] if c["state"] == "bridged"])[0]
        path = "/api/v1/calls/%s/transfer" % ident
        self.problem(self.call("POST", path, {"to": "1004", "party": "both"}), 400, "party")
        self.problem(self.call("POST", "/api/v1/calls/none/transfer", {"to": "1004"}), 404)
        self.assertEqual(self.call("POST", path, {"to": "1004"}).status, 202)
        third = c.wait_call()
        third.answer()
        other.wait_ended()
        until(lambda: self.get("/api/v1/calls/" + ident)["state"] == "bridged")
        self.assertFalse(call.ended)
        call.hangup()
        third.wait_ended()


if __name__ == "__main__":
    unittest.main()
