"""The console in a real browser, with real phones in its rooms; screenshots in the build's tests/web/shots."""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sip"))
import sound  # noqa: E402
from api import PORT, ApiScenario  # noqa: E402
from browser import Browser  # noqa: E402
from harness import SOURCE, until  # noqa: E402
from mailbox import PIN, leave, seed  # noqa: E402

PAGES = ("", "rooms", "rooms/3200", "calls", "mailboxes", "mailboxes/1002", "people", "people/1001", "phones", "load")


class TestConsole(ApiScenario):
    RECORDINGS = tempfile.mkdtemp(prefix="confab-recordings-")
    SETTINGS = 'http { port = %d web = "%s" }\nconference { recordings = "%s" }' % (PORT, SOURCE / "web", RECORDINGS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(shutil.rmtree, cls.RECORDINGS, True)
        cls.page = cls.enterClassContext(Browser())
        cls.url = "http://%s:%d/" % (cls.server.address, PORT)

    def setUp(self):
        super().setUp()
        self.page.forget()
        self.page.look()
        self.page.goto("about:blank")
        self.page.goto(self.url)
        self.page.wait("text=Administration")
        self.page.faults()  # that nobody is logged in is one to the browser

    def log_in(self, page, mailbox=None):
        """As the administrator, or the mailbox's owner; to that page."""
        if mailbox:
            self.page.fill("input[name=mailbox]", mailbox)
            self.page.fill("input[name=pin]", PIN)
            self.page.click("text=Open the mailbox")
        else:
            self.page.fill("input[name=token]", self.admin)
            self.page.click("button:text-is('Log in')")
        self.page.wait("#live.live")
        self.open(page)

    def open(self, page):
        self.page.eval("location.hash = '#/%s'" % page)
        self.page.wait("nav a[aria-current=page], article, h1:has-text('%s')" % page.rpartition("/")[2])

    def no_faults(self):
        self.assertEqual(self.page.faults(), [])

    def test_who_talks_lights_up_and_falls_silent_by_a_click(self):
        page, row = self.page, "tr:has-text('1002')"
        self.server.psql("insert into room (number, name, dial_out) values ('3100', 'Board', '{10XX}')")
        self.log_in("rooms")
        ear = self.phone("1001", registered=True).invite("3100", tone=440).wait_answered()
        mouth = self.phone("1002", registered=True).invite("3100", tone=550).wait_answered()
        page.click("a:text-is('3100')")  # it has come by itself
        page.wait(row + ".talks >> text=talks")
        page.wait_true("parseInt(document.querySelector('tr.talks .level span').style.width) > 50")  # -12 dBFS
        page.screenshot("room")
        self.assertTrue(ear.hears(550))
        page.click(row + " >> button:text-is('Mute')")
        page.wait(row + " >> button[aria-pressed=true]")
        self.assertTrue(ear.deaf_to(550))
        page.wait(row + ":not(.talks)")
        page.click(row + " >> button:text-is('Mute')")
        self.assertTrue(ear.hears(550))
        page.click("button:text-is('Lock')")
        page.wait("text=locked")
        self.assertTrue(self.get("/api/v1/rooms/3100")["locked"])
        page.click("button:text-is('Record')")
        page.wait(".tag:text-is('recording')")
        other = self.phone("1003", registered=True)
        page.fill("input[name=number]", "1003")
        page.click("button:text-is('Call')")
        other.wait_call().answer(tone=660)
        self.assertTrue(ear.hears(660))
        page.click(row + " >> text=Remove")
        mouth.wait_ended()
        page.gone(row)
        self.no_faults()

    def test_a_wrong_pin_is_told(self):
        page = self.page
        page.fill("input[name=mailbox]", "1002")
        page.fill("input[name=pin]", "112233")
        page.click("text=Open the mailbox")
        page.wait(".fault:has-text('PIN is wrong')")
        self.assertIn("401", page.faults()[0])  # the browser tells of it, too
        self.log_in("mailboxes/1002", mailbox="1002")
        self.assertEqual(page.text("h1"), "Mailbox 1002")
        page.eval("location.hash = '#/calls'")  # that is not his
        page.wait("h1:has-text('Mailbox 1002')")
        page.click("text=Log out")
        page.wait("text=Administration")

    def test_who_is_logged_out_by_a_restart_is_told(self):
        self.log_in("rooms")
        self.server.restart()
        self.page.wait("text=Administration")

    def test_a_host_sees_his_room(self):
        self.page.fill("input[name=token]", self.token("host", "3300"))
        self.page.click("button:text-is('Log in')")
        self.page.wait("h1:has-text('Room 3300')")
        self.page.wait("text=Nobody is here now")
        self.phone("1001", registered=True).invite("3300").wait_answered()
        self.page.wait("tr:has-text('1001')")

    def test_who_waits_is_admitted(self):
        self.server.psql("insert into room (number, name, waiting) values ('3301', '', 'admit')")
        self.log_in("rooms/3301")
        self.phone("1002", registered=True).invite("3301").wait_answered()
        self.page.wait("tr:has-text('1002') >> text=waits")
        self.page.click("text=Admit")
        self.page.gone("text=waits")
        self.assertEqual([m["seat"] for m in self.get("/api/v1/rooms/3301/members")["items"]], ["in"])

    def test_a_message_comes_plays_goes_and_comes_back(self):
        page, audio = self.page, "document.querySelector('audio')"
        self.log_in("mailboxes/1004", mailbox="1004")
        page.wait("text=No messages.")
        call = self.phone("1001").invite("*991004").wait_answered()
        leave(call, [(700, 2.0), (1300, 2.0)], greeting=False)
        call.hangup()
        page.wait("article.new:has-text('1001')")  # by itself
        page.click("article >> text=Play")
        page.wait_true(audio + "?.currentTime > 0.2")
        page.wait("article:not(.new)")  # heard
        self.assertTrue(page.eval("[...document.querySelector('canvas').getContext('2d').getImageData(0, 32, 300, 1).data].some(Boolean)"))
        page.screenshot("message")
        page.eval("[...document.querySelectorAll('article button')].find((b) => b.textContent === 'Pause')?.click()")
        page.wait_true(audio + ".paused")
        page.click_part("article input[type=range]", 0.75)
        length = page.eval(audio + ".duration")
        self.assertAlmostEqual(page.eval(audio + ".currentTime"), 0.75 * length, delta=0.1 * length)
        page.press("article input[type=range]", "Home")
        self.assertEqual(page.eval(audio + ".currentTime"), 0)
        page.eval("const s = document.querySelector('article select'); s.value = '2'; s.dispatchEvent(new Event('change'))")
        self.assertEqual(page.eval(audio + ".playbackRate"), 2)
        page.click("article >> text=Delete")
        page.gone("article")
        (row,) = self.get("/api/v1/mailboxes/1004/messages?folder=trash")["items"]
        page.click("text=Undo")
        page.wait("article")
        (back,) = self.get("/api/v1/mailboxes/1004/messages?folder=old")["items"]
        self.assertEqual(back["id"], row["id"])
        self.no_faults()

    def test_a_transcript_stands_below_the_message(self):
        entry = seed(self.server, "1005", [(700, 1.0)], caller="1001")
        self.server.psql("insert into message_transcript (message, text) select message, 'Please call me back.' from entry "
                         "where id = '%s'" % entry)
        self.log_in("mailboxes/1005")
        self.page.click("article >> text=Play")
        self.page.wait("text=Please call me back.")
        self.get("/api/v1/mailboxes/1006/messages/%s/transcript" % entry, 404)  # it is not in that mailbox

    def test_a_fax_is_opened_as_pages(self):
        entry = seed(self.server, "1008", [(700, 1.0)], caller="1001")
        self.server.psql("update message set kind = 'fax', pages = 2 where id = (select message from entry where id = '%s')" % entry)
        self.log_in("mailboxes/1008")
        self.page.wait("article >> text=fax of 2 pages")
        self.page.wait("article a[href='/api/v1/mailboxes/1008/messages/%s/audio']" % entry)
        self.assertEqual(self.page.eval("document.querySelectorAll('article button.main').length"), 0)  # nothing to play

    def test_services_of_a_subscriber(self):
        page, row = self.page, "[data-service=forward-always]"
        self.log_in("people")
        page.click("a:text-is('1007')")
        page.fill(row + " input", "1001")
        page.click(row + " >> text=Switch on")
        page.wait(row + " >> .tag.live")
        page.screenshot("subscriber")
        there = self.phone("1001", registered=True)
        call = self.phone("1002").invite("1007")
        there.wait_call().answer(tone=550)
        self.assertTrue(call.wait_answered().hears(550))
        page.click(row + " >> text=Switch off")
        page.wait(row + " >> text=Switch on")
        self.assertEqual(self.get("/api/v1/subscribers/1007")["services"], {})
        self.no_faults()

    def test_greetings(self):
        page, busy = self.page, "[data-kind=busy]"
        tone = self.server.folder / "greeting.wav"
        sound.wav_write(tone, sound.sine(700, 2, 16000), 16000)
        self.log_in("mailboxes/1006", mailbox="1006")
        page.upload(busy + " input[type=file]", tone)
        page.wait(busy + " >> text=your own")
        kept = self.call("GET", "/api/v1/mailboxes/1006/greetings/busy/audio").body
        self.assertEqual(kept[44:], tone.read_bytes()[44:])
        self.assertIn(["api"], self.server.psql("select source from audit where mailbox = '1006' and act = 'greeting'"))
        page.click(busy + " >> text=Play")
        page.wait_true("document.querySelector('audio')?.currentTime > 0.2")
        page.click(busy + " >> text=Erase")
        page.wait(busy + " >> text=the server's words")
        # By the microphone, which is Chromium's own that beeps once a second.
        page.click("[data-kind=unavailable] >> button:text-is('Record')")
        page.wait("text=Stop and keep")
        page.eval("new Promise((resolve) => setTimeout(() => resolve(null), 1500))")
        page.click("text=Stop and keep")
        page.wait("[data-kind=unavailable] >> text=your own")
        answer = self.call("GET", "/api/v1/mailboxes/1006/greetings/unavailable/audio").body
        self.assertTrue(any(answer[44:]))
        page.upload("[data-kind=unavailable] input[type=file]", tone)
        page.wait("text=The greeting “Standard” is stored. >> nth=1")
        self.assertTrue(self.phone("1001").invite("1006").wait_answered().hears(700))  # as callers do
        for bad in (b"RIFF", tone.read_bytes()[:40], b"x" * 100):
            self.problem(self.call("PUT", "/api/v1/mailboxes/1006/greetings/busy", raw=bad), 400)
        long = tone.with_name("long.wav")
        sound.wav_write(long, [0] * (8000 * 181), 8000)
        self.problem(self.call("PUT", "/api/v1/mailboxes/1006/greetings/busy", raw=long.read_bytes()), 413)
        self.problem(self.call("PUT", "/api/v1/mailboxes/1006/greetings/none", raw=tone.read_bytes()), 404)
        until(lambda: not list(self.server.cache.glob("upload-*")))
        self.no_faults()

    def test_calls_and_their_way(self):
        page = self.page
        self.log_in("calls")
        call = self.phone("1001", registered=True).invite("9196").wait_answered()
        page.click("a:text-is('1001')")
        page.wait("text=hosted")
        page.wait("svg.ladder >> text=echo")  # also while it stands
        call.hangup()
        page.wait("text=status 200")
        self.open("calls")
        call = self.phone("1002", registered=True).invite("9196").wait_answered()
        page.click("text=Hang up")
        call.wait_ended()
        page.wait("text=Nobody talks.")
        page.click("table[aria-label='Calls that are over'] a:text-is('1002')")
        page.wait("svg.ladder circle")
        page.screenshot("call")
        self.no_faults()

    def test_every_page_in_both_lights_and_on_a_phone(self):
        page = self.page
        seed(self.server, "1002", [(700, 1.0), (1300, 0.5)], caller="1001")
        for user, tone in (("1001", 440), ("1002", None)):
            self.phone(user, registered=True).invite("3200", tone=tone).wait_answered()
        page.screenshot("login")
        self.log_in("")
        for name in PAGES:
            self.open(name)
            page.wait("main table, main article, main svg, main form")
            for dark, width in ((False, 1280), (True, 1280), (False, 390)):
                page.look(dark, width)
                with self.subTest(page=name, dark=dark, width=width):
                    self.assertEqual(page.eval("document.querySelectorAll('.fault').length"), 0)
                    self.assertLessEqual(page.eval("document.documentElement.scrollWidth"), width)
                    page.screenshot("%s-%s-%d" % (name.replace("/", "-") or "start", "dark" if dark else "light", width))
            page.look()
        self.assertIn("9196", json.dumps(self.get("/api/v1/status")["numbers"]))
        self.no_faults()

    def test_files(self):
        whole = self.call("GET", "/", token=None)
        self.assertEqual((whole.status, whole.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'self'", whole.headers["Content-Security-Policy"])
        self.assertEqual(whole.headers["X-Content-Type-Options"], "nosniff")
        again = self.call("GET", "/", token=None, headers={"If-None-Match": whole.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        script = self.call("GET", "/views/room.js", token=None)
        self.assertEqual((script.headers["Content-Type"], script.body),
                         ("text/javascript; charset=utf-8", (SOURCE / "web" / "views" / "room.js").read_bytes()))
        for path in ("/../confab.conf", "/views/../../README.md", "/Makefile.inc", "/views", "/views/", "//etc/passwd", "/%2e%2e/README.md"):
            self.problem(self.call("GET", path, token=None), 404)
        self.problem(self.call("POST", "/app.js", token=None, raw=b""), 405)


if __name__ == "__main__":
    unittest.main()
