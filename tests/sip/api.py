"""The HTTP API as programs use it.

    class TestX(ApiScenario):          a Scenario whose server listens for HTTP; with an administrator's token
        self.get("/api/v1/status")     -> the JSON; AssertionError unless the status is `expect` (200)
        self.call("PATCH", path, body, token=…, headers=…) -> Answer: status, headers, body (bytes), json
        self.token(role, subject)      a token of that role
        Events(self, token=…)          a stream of server-sent events: next() -> (id, topic, data)
"""
import hashlib
import http.client
import json
import secrets

from harness import SLOW, Scenario

PORT = 8080


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.json = json.loads(self.body) if "json" in response.headers.get("Content-Type", "") and self.body else None

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:500])


class ApiScenario(Scenario):
    SETTINGS = "http { port = %d }" % PORT

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.token("admin")

    @classmethod
    def token(cls, role, subject="", expires="null"):
        secret = secrets.token_hex(32)
        cls.server.psql("insert into token (name, sha256, role, subject, expires) values ('%s test', decode('%s', 'hex'), "
                        "'%s', '%s', %s)" % (role, hashlib.sha256(secret.encode()).hexdigest(), role, subject, expires))
        return secret

    def connect(self, local=None):
        return http.client.HTTPConnection(self.server.address, PORT, timeout=10 * SLOW,
                                          source_address=(local, 0) if local else None)

    def call(self, method, path, body=None, token="admin", headers=(), raw=None, local=None):
        sent = dict(headers)
        token = self.admin if token == "admin" else token
        if token:
            sent["Authorization"] = "Bearer " + token
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            raw = json.dumps(body).encode()
        connection = self.connect(local)
        try:
            connection.request(method, path, raw, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, expect=200, **more):
        answer = self.call("GET", path, **more)
        self.assertEqual(answer.status, expect, answer)
        return answer.json

    def problem(self, answer, status, member=None):
        """An RFC 9457 problem of that status, naming that member."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        self.assertEqual(answer.json.get("member"), member, answer)
        self.assertTrue(answer.json["detail"])
        return answer


class WithApi:
    """Beside another kind of Scenario: ask() is what call() is there. Its SETTINGS must have those of ApiScenario."""

    connect, ask = ApiScenario.connect, ApiScenario.call

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = ApiScenario.token.__func__(cls, "admin")


class Events:
    def __init__(self, test, path="/api/v1/events", token="admin", last=None, headers=()):
        self.connection = test.connect()
        headers = dict(headers)
        if token:
            headers["Authorization"] = "Bearer " + (test.admin if token == "admin" else token)
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        test.assertEqual(self.response.status, 200)
        test.assertEqual(self.response.headers["Content-Type"], "text/event-stream")
        test.addCleanup(self.close)
        self.id = None
        self._line("retry: 2000")  # from here on nothing is missed

    def _line(self, wanted):
        while self.response.readline().decode().rstrip("\n") != wanted:
            pass

    def next(self, *topics):
        """The next event, or the next of these topics."""
        while True:
            event = {}
            while (line := self.response.readline().decode().rstrip("\n")):
                name, _, value = line.partition(": ")
                event[name] = value
            if "event" in event:
                self.id = event.get("id", self.id)  # levels have none
                if not topics or event["event"] in topics:
                    return event["event"], json.loads(event["data"])

    def close(self):
        self.response.close()
        self.connection.close()
