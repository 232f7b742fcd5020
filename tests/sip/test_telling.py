"""Owners are told of their messages by mail, webhooks and transcripts: whole, again by the same id when in doubt, never lost."""
import array
import hashlib
import hmac
import http.server
import io
import json
import pathlib
import tempfile
import threading
import time
import unittest
import wave

from harness import until
from mailbox import Mail, leave, seed, spans
from smtp import Smtp

SECRET = "of-the-tests"


class Web:
    """A web server that notes what is posted; `script` holds the next statuses of a path or a mailbox; `text` is what a message says."""

    def __init__(self):
        self.posts, self.script, self.text = [], {}, "Grüße, <call> me"
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                script = web.script.get(json.loads(body)["mailbox"] if self.path == "/hook" else self.path)
                status = script.pop(0) if script else 200
                web.posts.append((self.path, status, dict(self.headers), body))
                answer = json.dumps({"text": web.text}).encode() if self.path == "/transcribe" else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def events(self, mailbox, status=200):
        found = [json.loads(body) for path, got, _, body in self.posts if path == "/hook" and got == status]
        return [event for event in found if event["mailbox"] == mailbox]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Told(Mail):
    FORMAT = "wav"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.smtp, cls.web = Smtp(pathlib.Path(folder.name), tls=True), Web()
        cls.addClassCleanup(cls.smtp.close)
        cls.addClassCleanup(cls.web.close)
        cls.SETTINGS = (
            "sip { ring = 2 }\nvoicemail { message_silence = 3 }\n"
            'mail { server = "smtp://127.0.0.1:%d" from = "voice@example.org" tls = "required" ca = "%s" format = "%s" }\n'
            'webhook { url = "%s/hook" secret = "%s" '
            'events = "message-new message-read message-deleted message-transcript mailbox-full login-failed" }\n'
            % (cls.smtp.port, cls.smtp.ca, cls.FORMAT, cls.web.url, SECRET)) + cls.more()
        super().setUpClass()

    @classmethod
    def more(cls):
        return ""

    def owner(self, columns=""):
        user = self.user()
        self.server.psql("update mailbox set email = 'u%s@example.org'%s where number = '%s'" % (user, columns, user))
        return user

    def mails(self, user):
        return [mail for mail in self.smtp.mails if mail.receivers == ["u%s@example.org" % user]]

    def mail(self, user, number=1):
        return until(lambda: len(self.mails(user)) == number and self.mails(user), 15, "%d mails to %s" % (number, user))[-1]

    def outbox(self, user, kind="mail"):
        return self.server.psql("select attempts, last_error, done_at is not null, failed_at is not null from outbox "
                                "where kind = '%s' and payload->>'mailbox' = '%s' order by id" % (kind, user))

    def queue(self, user, hz=700):
        """A message that nobody spoke, and the mail about it as a deposit would queue it; its entry."""
        entry = seed(self.server, user, [(hz, 1.0)])
        self.server.psql("insert into outbox (kind, lane, payload) select 'mail', e.id::text, jsonb_build_object('mailbox', "
                         "e.mailbox, 'to', b.email, 'entry', e.id, 'message', e.message) from entry e join mailbox b "
                         "on b.number = e.mailbox where e.id = '%s'" % entry)
        return entry


class TestMail(Told):
    def tones(self, message):
        sound, = message.iter_attachments()
        with wave.open(io.BytesIO(sound.get_content())) as w:
            samples = array.array("h", w.readframes(w.getnframes()))[::w.getframerate() // 8000]
        return [hz for hz, _, _ in spans(samples, (700, 1300))]

    def test_mail(self):
        def whole():
            user = self.owner(", zone = 'Asia/Tokyo'")
            caller = self.user()
            self.server.psql("update subscriber set name = 'Jürgen ☎ Ørsted der Ältere von Groß-Übersee' where number = '%s'" % caller)
            phone = self.phone(caller)
            leave(phone.invite("*99" + user).wait_answered(), [(700, 1.5), (1300, 1.0)], greeting=False).dial("1")
            entry, = self.count(user)
            mail = self.mail(user)
            self.assertTrue(mail.tls)
            self.assertEqual(mail.sender, "voice@example.org")
            message = mail.message
            self.assertEqual(message["Message-ID"], "<%s@confab>" % entry.id)
            self.assertEqual(message["Message-Context"], "voice-message")
            self.assertIsNotNone(message["Date"].datetime)
            self.assertIn("(%s)" % caller, message["Subject"])
            self.assertEqual(message.get_content_type(), "multipart/mixed")
            text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
            self.assertIn(caller, text)
            self.assertIn(caller, html)
            sound, = message.iter_attachments()
            self.assertEqual(sound.get_content_type(), "audio/wav")
            (stored,), = self.server.psql("select encode(sha256, 'hex') from blob join message m on m.blob = blob.id "
                                          "where m.id = '%s'" % entry.message)
            self.assertEqual(hashlib.sha256(sound.get_content()).hexdigest(), stored)
            self.assertEqual(self.tones(message), [700, 1300])

        def names():  # RFC 2047, whole characters, and nothing of HTML in them
            user = self.owner()
            name = "Jürgen ☎ Ørsted <b>der Ältere</b> von Groß-Übersee & Söhne"
            entry = seed(self.server, user, [(700, 1.0)])
            self.server.psql("update message set caller_name = '%s' where id = (select message from entry where id = '%s')" % (name, entry))
            self.server.psql("insert into outbox (kind, payload) values ('mail', jsonb_build_object('mailbox', '%s', "
                             "'to', 'u%s@example.org', 'entry', '%s'))" % (user, user, entry))
            message = self.mail(user).message
            self.assertIn(name, message["Subject"])
            self.assertIn("&lt;b&gt;der Ältere&lt;/b&gt; von Groß-Übersee &amp; Söhne", message.get_body(("html",)).get_content())
            self.assertIn(name, message.get_body(("plain",)).get_content())

        def plain():
            user = self.owner(", mail_attach = false, mail_delete = true")
            entry = self.queue(user)
            self.assertEqual(list(self.mail(user).message.iter_attachments()), [])
            until(lambda: self.outbox(user)[0][2] == "t", 5, "done")
            self.assertFalse(self.row(entry).deleted)  # nobody has the sound elsewhere

        def deleted():
            user = self.owner(", mail_delete = true")
            entry = self.queue(user)
            self.mail(user)
            until(lambda: self.row(entry).deleted, 5, "the trash")

        def bad():  # an address that would be two headers is none
            user = self.user()
            self.server.psql("update mailbox set email = E'x@y\\nBcc: z@y' where number = '%s'" % user)
            self.queue(user)
            until(lambda: self.outbox(user)[0][3] == "t", 5, "failure")

        self.together(whole, names, plain, deleted, bad)

    def test_mail_of_what_goes_on(self):
        user, caller = self.owner(", mail_delete = true"), self.user()
        self.smtp.hold = threading.Event()
        leave(self.call(caller, "*99" + user), [(700, 1.5)], key=None, greeting=False).hangup()
        entry, = self.count(user)
        first = "<%s@confab>" % entry.id
        until(lambda: first in self.smtp.seen, 10, "the first part")
        call = self.call(caller, "*99" + user)
        time.sleep(0.5)
        call.dial("1")
        leave(call, [(1300, 1.0)]).dial("1")
        until(lambda: self.row(entry.id).ms > entry.ms, 10, "the second part")
        self.server.psql("update mailbox set mail_delete = false where number = '%s'" % user)  # for the second mail
        self.smtp.hold.set()
        self.mail(user, 2)
        mails = [mail.message for mail in self.mails(user)]
        self.assertEqual([mail["Message-ID"] for mail in mails], [first, "<%s.1@confab>" % entry.id])
        self.assertEqual([self.tones(mail) for mail in mails], [[700], [700, 1300]])
        self.assertFalse(self.row(entry.id).deleted)  # what the first mail did not have is nowhere else

    def test_mail_survives_what_servers_say(self):
        user = self.owner(", mail_delete = true")
        self.smtp.answers["RCPT"] = ["451 later", "452 no room"]
        entry = self.queue(user)
        mail = self.mail(user)
        until(lambda: self.outbox(user)[0][2] == "t", 5, "done")
        self.assertEqual(self.outbox(user)[0][0], "3")

        refused = self.owner(", mail_delete = true")
        self.smtp.answers["RCPT"] = ["550 nobody here"]
        mark = self.server.mark()
        kept = self.queue(refused)
        until(lambda: self.outbox(refused)[0][3] == "t", 10, "failure")
        self.assertIn("550", self.outbox(refused)[0][1])
        self.assertRegex(self.server.log_since(mark), r"outbox-failed kind=mail .*550")
        self.assertFalse(self.row(kept).deleted)
        self.assertEqual(self.mails(refused), [])

        away = self.owner(", mail_delete = true")
        self.smtp.close()
        kept = self.queue(away)
        until(lambda: self.outbox(away)[0][0] not in ("0",), 10, "an attempt")
        self.assertFalse(self.row(kept).deleted)
        self.smtp.open()
        self.mail(away)
        self.assertTrue(until(lambda: self.row(kept).deleted, 5, "the trash"))
        self.assertEqual(mail.message["Message-ID"], "<%s@confab>" % entry)

    def test_mail_survives_kill(self):
        user = self.owner(", mail_delete = true")
        self.smtp.hold = threading.Event()
        entry = self.queue(user)
        wanted = "<%s@confab>" % entry
        until(lambda: wanted in self.smtp.seen, 10, "the whole mail")
        self.server.kill()  # before it hears the yes
        self.smtp.hold.set()
        self.mail(user)
        self.assertFalse(self.row(entry).deleted)
        self.server.start()
        self.assertEqual(self.mail(user, 2).message["Message-ID"], wanted)
        until(lambda: self.row(entry).deleted, 5, "the trash")


class TestWebhook(Told):
    FORMAT = "opus"

    @classmethod
    def more(cls):
        return 'transcription { url = "%s/transcribe" deadline = 2 }' % cls.web.url

    def names(self, user):
        return [event["event"] for event in self.web.events(user)]

    def test_events(self):
        def order():  # a refused one holds up those after it, of its mailbox alone
            user = self.user()
            self.web.script[user] = [500, 503]
            entry = seed(self.server, user, [(700, 1.0)])
            until(lambda: self.web.events(user, 500) or self.web.events(user, 503), 10, "a refusal")
            self.server.psql("update entry set heard = true where id = '%s'" % entry)
            self.server.psql("update entry set deleted_at = now() where id = '%s'" % entry)
            wanted = ["message-new", "message-read", "message-deleted"]
            until(lambda: [n for n in self.names(user) if n != "message-transcript"] == wanted, 15, "all events")
            new = self.web.events(user)[0]
            self.assertEqual((new["entry"], new["caller"]), (entry, "9"))
            refused = self.web.events(user, 500) + self.web.events(user, 503)
            self.assertEqual({event["id"] for event in refused}, {new["id"]})
            for _, _, headers, body in self.web.posts:
                if "X-Confab-Event" in headers:
                    signed = dict(part.split("=", 1) for part in headers["X-Confab-Signature"].split(","))
                    expected = hmac.new(SECRET.encode(), signed["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
                    self.assertEqual(signed["v1"], expected)
                    self.assertEqual(headers["X-Confab-Event"], json.loads(body)["id"])

        def full():
            user = self.user()
            self.server.psql("update mailbox set max_messages = 2 where number = '%s'" % user)
            seed(self.server, user, [(700, 0.2)])
            seed(self.server, user, [(700, 0.2)])
            until(lambda: "mailbox-full" in self.names(user), 15, "mailbox-full")
            names = [n for n in self.names(user) if n != "message-transcript"]
            self.assertEqual(names, ["message-new", "message-new", "mailbox-full"])

        def login():
            user = self.user()
            call = self.call(user, "*97")
            time.sleep(0.3)
            call.dial("000111#", gap=0.05)
            until(lambda: self.names(user) == ["login-failed"], 15, "login-failed")

        self.together(order, full, login)

    def test_transcripts(self):
        user = self.owner()
        leave(self.call(self.user(), "*99" + user), [(700, 1.5)], greeting=False).dial("1")
        entry, = self.count(user)
        first, second = until(lambda: len(self.mails(user)) == 2 and self.mails(user), 15, "two mails")
        self.assertEqual(first.message["Message-ID"], "<%s@confab>" % entry.id)
        sound, = first.message.iter_attachments()
        self.assertEqual((sound.get_content_type(), sound.get_filename()), ("audio/ogg", "message-%s.opus" % entry.id[:8]))
        self.assertIn(b"OpusHead", sound.get_content())
        self.assertLess(len(sound.get_content()), 6000 * entry.ms / 1000)
        self.assertEqual(second.message["In-Reply-To"], first.message["Message-ID"])
        self.assertIn(self.web.text, second.message.get_body(("plain",)).get_content())
        self.assertEqual(self.server.psql("select text from message_transcript where message = '%s'" % entry.message), [[self.web.text]])
        until(lambda: "message-transcript" in self.names(user), 10, "the event")
        self.assertEqual([e["text"] for e in self.web.events(user) if e["event"] == "message-transcript"], [self.web.text])

        other = self.owner()  # the mail does not wait, and the failure is seen
        self.web.script["/transcribe"] = [500] * 50
        entry = self.queue(other)
        self.mail(other)
        (message,), = self.server.psql("select message from entry where id = '%s'" % entry)
        self.server.psql("update outbox set created = now() - interval '1 day' where kind = 'transcript' and done_at is null")
        until(lambda: self.server.psql("select error from message_transcript where message = '%s'" % message), 15, "the failure")
        self.web.script["/transcribe"] = []


if __name__ == "__main__":
    unittest.main()
