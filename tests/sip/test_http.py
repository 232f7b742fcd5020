"""HTTP applications: an outside web server is asked about a call, and what it answers is done. Signature, verbs by ear, failures."""
import hashlib
import hmac
import http.server
import io
import json
import math
import pathlib
import shutil
import struct
import tempfile
import threading
import time
import unittest
import wave

from harness import PLAN, Scenario, until
from mailbox import leave, wait_speech

SECRET = "a-secret-of-the-tests"
CALLEE = 880


def sound(hz, seconds, rate=8000):
    """A WAV file of one tone."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * hz * i / rate))) for i in range(int(seconds * rate))))
    return data.getvalue()


class Application:
    """A web server that answers what `script` (path -> verbs, bytes, status or a function of the event) says."""

    def __init__(self):
        self.script, self.events, self.faults, self.hurry = {}, [], [], threading.Event()
        application = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                application.check(self.headers, body)
                event = json.loads(body)
                application.events.append((self.path, event))
                answer = application.script.get(self.path, 404)
                answer = answer(event) if callable(answer) else answer
                status, answer = (answer, b"") if isinstance(answer, int) else (200, answer)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/accept")
                self.send_header("Content-Length", str(len(data)))
                try:
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # who asked waits no longer

            def do_GET(self):
                data = application.script.get(self.path, b"")
                self.send_response(200 if data else 404)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def check(self, headers, body):
        signature = dict(part.split("=", 1) for part in headers.get("X-Confab-Signature", "t=,v1=").split(","))
        expected = hmac.new(SECRET.encode(), signature["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        if signature["v1"] != expected or abs(time.time() - int(signature["t"])) > 60:
            self.faults.append(dict(headers))
        if headers.get("X-Confab-Call") != json.loads(body).get("call"):
            self.faults.append(dict(headers))

    def close(self):
        self.hurry.set()
        self.server.shutdown()
        self.server.server_close()


class HttpScenario(Scenario):
    MORE = ""

    @classmethod
    def setUpClass(cls):
        cls.app = Application()
        cls.addClassCleanup(cls.app.close)
        cls.PLAN = PLAN + 'number "6000" { application = "http" argument = "%s/start" }\n' % cls.app.url
        cls.PLAN += 'number "6001" { application = "http" argument = "http://127.0.0.1:1/" }\n'
        cls.recordings = pathlib.Path(tempfile.mkdtemp(prefix="confab-http-"))
        cls.addClassCleanup(shutil.rmtree, cls.recordings)
        cls.SETTINGS = 'webhook { secret = "%s" deadline = 1000 }\nconference { recordings = "%s" }' % (SECRET, cls.recordings)
        cls.LINKS = cls.MORE % {"url": cls.app.url}
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.app.script.clear()
        self.app.events.clear()
        self.phones = {}

    def tearDown(self):
        self.assertEqual(self.app.faults, [])

    def call(self, verbs=None, number="6000", user="1001", **more):
        if verbs is not None:
            self.app.script["/start"] = verbs
        if user not in self.phones:
            self.phones[user] = self.phone(user, registered=True)
        return self.phones[user].invite(number, **more)


class TestNumber(HttpScenario):
    def test_the_call_is_described(self):
        self.assertEqual(self.call([{"reject": {"status": 404, "reason": "Not Today"}}]).wait_ended().status, 404)
        (path, event), = self.app.events
        self.assertEqual((path, event["event"], event["number"], event["caller"]["number"], event["caller"]["anonymous"]),
                         ("/start", "invited", "6000", "1001", False))
        self.assertEqual((event["link"], event["callee"]), ("http", None))

    def test_a_tag_is_in_the_record_of_the_call(self):
        self.call([{"tag": {"key": "case", "value": "4711 \u00e9"}}, {"reject": {}}]).wait_ended()
        event = self.app.events[0][1]
        rows = until(lambda: self.server.psql("select tags->>'case', session_id from call where id = '%s'" % event["call"]))
        self.assertEqual(rows, [["4711 \u00e9", event["session"]]])

    def test_keys_end_digits_where_they_are_told_to(self):
        self.app.script["/digits"] = [{"play": {"tone": 1200, "ms": 1500}}]
        for more, typed, digits in (({"finish_on": "*"}, "1#2*", "1#2"), ({"finish_on": "", "max": 3}, "*#7", "*#7")):
            self.app.events.clear()
            call = self.call([{"answer": {}}, {"gather": {"max": 9, "timeout": 9000, "action": self.app.url + "/digits", **more}}])
            call.wait_answered()
            call.dial(typed)
            self.assertTrue(call.hears(1200))
            call.wait_ended()
            self.assertEqual(self.app.events[-1][1]["digits"], digits)

    def test_words_are_heard(self):
        call = self.call([{"answer": {}}, {"say": {"text": "This sentence is spoken and somebody hears it."}}, {"hangup": {}}])
        call.wait_answered()
        wait_speech(call)
        call.wait_ended()

    def test_who_answers_a_dial_confirms(self):
        self.server.psql("update subscriber set mailbox = null where number = '1002'")
        other = self.phone("1002", registered=True)
        self.app.script["/none"] = [{"reject": {"status": 480}}]
        dial = {"dial": {"number": "1002", "timeout": 20, "confirm": True, "action": self.app.url + "/none"}}
        call = self.call([dial])
        theirs = other.wait_call()
        theirs.answer(tone=CALLEE)
        wait_speech(theirs)
        self.assertFalse(call.answered)
        theirs.dial("1")
        call.wait_answered()
        self.assertTrue(call.hears(CALLEE))
        call.hangup()
        theirs.wait_ended()
        call = self.call([dial])
        theirs = other.wait_call()
        theirs.answer()
        wait_speech(theirs)
        theirs.hangup()
        self.assertEqual(call.wait_ended().status, 480)
        self.assertEqual(self.told("/none")[-1]["event"], "dialled")

    def test_tones_and_digits(self):
        self.app.script["/digits"] = {"verbs": [{"play": {"tone": 1200, "ms": 1500}}, {"hangup": {}}]}
        call = self.call([{"tag": {"key": "a", "value": "b"}}, {"answer": {}}, {"play": {"tone": 600, "ms": 800}},
                          {"pause": {"ms": 100}},
                          {"gather": {"max": 4, "timeout": 3000, "action": self.app.url + "/digits"}}])
        call.wait_answered()
        self.assertTrue(call.hears(600))
        call.dial("12#")
        self.assertTrue(call.hears(1200))
        self.assertEqual(call.wait_ended().method, "BYE")
        self.assertEqual([(path, event.get("digits")) for path, event in self.app.events], [("/start", None), ("/digits", "12")])

    def test_dial_before_and_after_an_answer(self):
        other = self.phone("1002", registered=True)
        for verbs in ([{"dial": {"number": "1002"}}], [{"answer": {}}, {"dial": {"number": "1002"}}]):
            call = self.call(verbs)
            theirs = other.wait_call()
            theirs.answer(tone=CALLEE)
            call.wait_answered()
            self.assertTrue(call.hears(CALLEE))
            call.hangup()
            theirs.wait_ended()

    def test_a_dial_that_fails_asks_its_action_or_goes_on(self):
        self.app.script["/busy"] = [{"play": {"tone": 1200, "ms": 1500}}]
        other = self.phone("1002", registered=True)
        self.server.psql("update subscriber set mailbox = null where number = '1002'")
        for dial, events in (({"number": "1002", "action": self.app.url + "/busy"}, 2), ({"number": "1002"}, 1)):
            self.app.events.clear()
            call = self.call([{"answer": {}}, {"dial": dial}, {"play": {"tone": 1200, "ms": 1500}}])
            other.wait_call().reject(486)
            call.wait_answered()
            self.assertTrue(call.hears(1200))
            call.wait_ended()
            self.assertEqual(len(self.app.events), events)
        call = self.call([{"dial": {"number": "1002", "action": self.app.url + "/refuse"}}])
        self.app.script["/refuse"] = lambda event: [{"reject": {"status": 480}}] if event["status"] == 486 else 500
        other.wait_call().reject(486)
        self.assertEqual(call.wait_ended().status, 480)

    def told(self, path="/status"):
        return [event for at, event in list(self.app.events) if at == path]

    def test_sounds_from_elsewhere_and_speech(self):
        self.app.script["/tone.wav"] = sound(1200, 0.8)
        call = self.call([{"answer": {}}, {"play": {"url": self.app.url + "/tone.wav"}}, {"play": {"url": self.app.url + "/none"}},
                          {"say": {"text": "--help $(x)"}}, {"play": {"tone": 600, "ms": 800}}])
        call.wait_answered()
        self.assertTrue(call.hears(1200))
        self.assertTrue(call.hears(600, timeout=15))
        call.wait_ended()
        log = self.server.log()
        self.assertIn("unfetched status=404", log)
        self.assertNotIn("unspoken", log)
        self.assertNotIn("file-unusable", log)
        until(lambda: not list(self.server.cache.glob("http-*")))

    def test_a_recording_and_its_outcome(self):
        self.app.script["/kept"] = [{"play": {"tone": 1200, "ms": 1500}}]
        ready = {"play": {"tone": 600, "ms": 700}}
        call = self.call([{"answer": {}}, ready, {"record": {"max_s": 20, "silence_s": 0, "action": self.app.url + "/kept"}}], tone=500)
        call.wait_answered()
        self.assertTrue(call.hears(600))
        until(lambda: list(self.recordings.iterdir()))
        time.sleep(1.2)
        call.dial("#")
        self.assertTrue(call.hears(1200))
        call.wait_ended()
        event, = self.told("/kept")
        self.assertEqual((event["event"], event["end"]), ("recorded", "key"))
        with wave.open(event["file"]) as kept:
            self.assertGreater(kept.getnframes() / kept.getframerate(), 0.8)
        call = self.call([{"answer": {}}, ready, {"record": {"action": self.app.url + "/kept"}}], tone=500)
        call.wait_answered()
        until(lambda: len(list(self.recordings.iterdir())) == 2)
        call.hangup()
        until(lambda: len(self.told("/kept")) == 2)
        self.assertEqual(self.told("/kept")[1]["end"], "hung-up")

    def test_several_phones_one_of_which_takes_it(self):
        first, second = self.phone("1002", registered=True), self.phone("1003", registered=True)
        for before in ([], [{"answer": {}}]):
            call = self.call(before + [{"dial": {"numbers": ["1002", "1003"], "timeout": 20}}])
            theirs, other = first.wait_call(), second.wait_call()
            theirs.answer(tone=CALLEE)
            other.wait_request("CANCEL")
            call.wait_answered()
            self.assertTrue(call.hears(CALLEE))
            call.hangup()
            theirs.wait_ended()

    def test_status_callbacks(self):
        other = self.phone("1002", registered=True)
        self.app.script["/status"] = 204
        call = self.call({"verbs": [{"dial": {"number": "1002"}}], "status_callback": self.app.url + "/status"})
        theirs = other.wait_call()
        theirs.ring()
        until(lambda: self.told())
        theirs.answer()
        call.wait_answered()
        call.hangup()
        until(lambda: len(self.told()) == 3)
        self.assertEqual([event["event"] for event in self.told()], ["ringing", "answered", "ended"])
        self.assertEqual(self.told()[-1]["status"], 200)

    def test_rooms_and_mailboxes(self):
        calls = [self.call([{"answer": {}}, {"conference": {"room": "3005"}}], tone=500),
                 self.call([{"conference": {"room": "3005"}}], user="1004", tone=700)]
        for call in calls:
            call.wait_answered()
        self.assertTrue(calls[0].hears(700, timeout=12))
        for call in calls:
            call.hangup()
        call = self.call([{"answer": {}}, {"voicemail": {"mailbox": "1002"}}])
        call.wait_answered()
        self.server.wait_log("handover app=voicemail number=1002")
        leave(call, ((600, 1.5),), greeting=False).dial("1")
        until(lambda: len(self.server.psql("select id from message")) == 1)

    def test_redirects(self):
        self.app.script["/other"] = [{"redirect": {"uri": "sip:elsewhere@127.0.0.1"}}]
        response = self.call([{"redirect": {"url": self.app.url + "/other"}}]).wait_ended()
        self.assertEqual(response.status, 302)

    def test_answers_that_make_no_sense_end_the_call(self):
        for answer in (b"garbage", b"", {}, [], [{"fly": {}}], [{"answer": {"x": 1}}], [{"play": {"tone": 600}}], 500, 302, 404,
                       b"[" * 5000, b" " * 70000):
            self.assertEqual(self.call(answer).wait_ended().status, 500, str(answer)[:20])
        self.assertEqual(self.call(number="6001").wait_ended().status, 500)  # nobody listens there

    def test_a_slow_answer_and_a_loop_end_the_call(self):
        self.assertEqual(self.call(lambda event: self.app.hurry.wait(1.3) and 500 or 500).wait_ended().status, 500)
        self.assertEqual(self.call([{"redirect": {"url": self.app.url + "/start"}}]).wait_ended().status, 500)
        self.assertLess(len(self.app.events), 110)

    def test_a_caller_who_hangs_up_early_leaves_nothing_behind(self):
        call = self.call(lambda event: self.app.hurry.wait(0.5) and 500 or [{"answer": {}}])
        until(lambda: self.app.events)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(self.call([{"reject": {"status": 403}}]).wait_ended().status, 403)


    def test_a_reload_and_an_end_while_a_request_is_under_way(self):
        """Settings are the call's own; confabd waits for no web server when it stops, and its exit status is 0."""
        held = threading.Event()
        call = self.call(lambda event: held.wait(0.7) and 500 or [{"reject": {"status": 403}}])
        until(lambda: self.app.events)
        self.server.reload()
        self.assertEqual(call.wait_ended().status, 403)
        self.app.events.clear()
        call = self.call(lambda event: held.wait(5) and 500 or 500)
        until(lambda: self.app.events)
        self.server.restart()
        held.set()


class TestLink(HttpScenario):
    MORE = """
link "open"   { application = "%(url)s/open"   numbers = {"1002"} }
link "strict" { application = "%(url)s/strict" numbers = {"1003"} on_fail = "reject 503" deadline = 500 }
"""

    def answers(self, number):
        other = self.phone(number, registered=True)
        call = self.call(number=number)
        other.wait_call().answer(tone=CALLEE)
        call.wait_answered()
        self.assertTrue(call.hears(CALLEE))
        call.hangup()

    def test_a_link_lets_a_call_pass_or_refuses_it(self):
        self.app.script["/open"] = [{"continue": {}}]
        self.answers("1002")
        event = self.app.events[-1][1]
        self.assertEqual((event["link"], event["callee"], event["callee_name"]),
                         ("open", "1002", *self.server.psql("select name from subscriber where number = '1002'")[0]))
        self.app.script["/open"] = [{"reject": {"status": 403}}]
        self.assertEqual(self.call(number="1002").wait_ended().status, 403)

    def test_the_contract_says_what_a_failure_means(self):
        self.app.script["/open"] = b"garbage"
        self.answers("1002")
        self.app.script["/strict"] = 500
        self.assertEqual(self.call(number="1003").wait_ended().status, 503)
        self.app.script["/strict"] = lambda event: self.app.hurry.wait(2) and 500 or [{"continue": {}}]
        self.assertEqual(self.call(number="1003").wait_ended().status, 503)


if __name__ == "__main__":
    unittest.main()
