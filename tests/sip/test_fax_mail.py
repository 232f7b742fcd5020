"""Faxes in voicemail: a machine that calls finds one, over sound and by T.38; its pages come by mail, light the lamp, and are told by phone."""
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from fax import FaxMachine, offer_t38, pages, pages_of
from harness import until
from mailbox import leave
from test_telling import Told
from tonevoice import ToneScenario


class TestFaxMail(Told, ToneScenario):
    SPOKEN = ("msg-fax", "msg-fax-cut", "digits/1", "digits/2")

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def machine(self, call):
        return FaxMachine(call, self.folder / (call.phone.user + ".tif"))

    def packets(self, call):
        """A machine that goes on with T.38 at once: it bears a busy test machine better than sound does."""
        machine = self.machine(call)
        self.assertEqual(machine.change(call).status, 200)
        return machine

    def spooled(self, user):
        """[(kind, pages)] of the deposits for a mailbox that lie in the spool."""
        found = []
        for path in (self.server.spool / "open").glob("*.json"):
            try:
                record = json.loads(path.read_text())
            except FileNotFoundError:
                continue
            if record["mailbox"] == user:
                found.append((record["kind"], len(pages(path.with_suffix(".tif")))))
        return found

    def faxes(self, user, number=1, timeout=90):
        """[(pages, cut, sender, duration)] of a mailbox, once there are so many."""
        query = ("select m.pages, m.cut, m.sender, m.duration_ms from entry e join message m on m.id = e.message "
                 "where e.mailbox = '%s' and m.kind = 'fax'" % user)
        return until(lambda: len(self.server.psql(query)) == number and self.server.psql(query), timeout, "%d faxes for %s" % (number, user))

    def assert_pages(self, user, caller, number=2):
        """What is stored is what was sent, pixel by pixel."""
        (data,), = self.server.psql("select encode(b.audio, 'hex') from entry e join message m on m.id = e.message "
                                    "join blob b on b.id = m.blob where e.mailbox = '%s' and m.kind = 'fax'" % user)
        self.assertEqual(pages_of(bytes.fromhex(data))[:number], pages(self.folder / (caller + ".tif"))[:number])

    def assert_pdf(self, mail, caller, number):
        """The mail's only file shows the pages, by poppler's eye."""
        file, = mail.message.iter_attachments()
        self.assertEqual(file.get_content_type(), "application/pdf")
        self.assertRegex(file.get_filename(), r"^fax-.*\.pdf$")
        pdf = self.folder / (caller + ".pdf")
        pdf.write_bytes(file.get_content())
        told = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True).stdout
        self.assertRegex(told, r"Pages:\s+%d\n" % number)
        subprocess.run(["pdfimages", str(pdf), str(pdf)], check=True)
        for page, rows in enumerate(pages(self.folder / (caller + ".tif"))[:number]):
            drawn = b"".join(rows)
            self.assertEqual(pathlib.Path("%s-%03d.pbm" % (pdf, page)).read_bytes()[-len(drawn):], drawn)

    def calls(self, user):
        caller = self.user()
        return caller, self.call(caller, "*99" + user)

    def test_fax(self):
        def sound():  # a machine that did not come through on a bad line dials again
            for tries in range(3):
                user = self.owner()
                lamp = self.phone(user)
                lamp.subscribe("message-summary", accept="application/simple-message-summary")
                caller, call = self.calls(user)
                machine = self.machine(call)
                until(lambda: machine.state != ".", 90, "the end of the fax")
                if machine.state == "+":
                    break
            machine.wait_sent()
            (count, cut, _, ms), = self.faxes(user)  # a busy machine's hiccup may take its name away
            self.assertEqual((count, cut, ms), ("2", "f", "0"))
            self.assert_pages(user, caller)
            until(lambda: re.search(r"Fax-Message: 1/0", lamp.wait_notify(10).body), 20, "the lamp")
            mail = self.mail(user)
            self.assertEqual(mail.message["Message-Context"], "fax-message")
            self.assertIn("(%s) (2 pages)" % caller, mail.message["Subject"])
            self.assert_pdf(mail, caller, 2)
            new, = [event for event in self.web.events(user) if event["event"] == "message-new"]
            self.assertEqual((new["kind"], new["pages"], new["complete"]), ("fax", 2, True))

            mark = time.monotonic()
            owner = self.visit(user)
            owner.dial("1")
            self.says(owner, "msg-fax", mark)
            self.says(owner, "digits/2", mark)
            until(lambda: re.search(r"Fax-Message: 0/1", lamp.wait_notify(10).body), 20, "the lamp's end")
            self.silent(owner, "msg-fax-cut", mark)

        def t38():  # T.38, offered again in the middle
            user = self.owner()
            caller, call = self.calls(user)
            machine = self.packets(call)
            until(lambda: self.spooled(user) == [("fax", 1)], 90, "a page")
            self.assertEqual(offer_t38(call).status, 200)
            machine.wait_sent()
            self.assertEqual(self.faxes(user), [["2", "f", "+44 20 7946 0018", "0"]])
            self.assert_pages(user, caller)
            self.assertIn("+44 20 7946 0018", self.mail(user).message.get_body(("plain",)).get_content())

        def words():  # what was said before stays a message of its own
            user = self.owner()
            caller, call = self.calls(user)
            leave(call, [(700, 2.0)], key=None)
            self.packets(call).wait_sent()
            self.assertEqual(self.faxes(user)[0][:2], ["2", "f"])
            voice, fax = self.count(user, 2)
            self.assertGreater(voice.ms, 2000)
            self.assertEqual(fax.ms, 0)

        def interrupted():  # the second page is on its way
            user = self.owner()
            caller, call = self.calls(user)
            self.packets(call)
            until(lambda: self.spooled(user) == [("fax", 1)], 90, "a page")
            call.hangup()
            self.assertEqual(self.faxes(user)[0][:2], ["1", "t"])
            self.assert_pages(user, caller, 1)
            mail = self.mail(user)
            self.assertIn("(1 page, not complete)", mail.message["Subject"])
            self.assert_pdf(mail, caller, 1)
            mark = time.monotonic()
            owner = self.visit(user)
            owner.dial("1")
            self.says(owner, "msg-fax-cut", mark)

        def nothing():  # hung up before a page: no row, no file
            user = self.owner()
            _, call = self.calls(user)
            self.machine(call)
            until(lambda: self.spooled(user) == [("fax", 0)], 20, "the machine")
            call.hangup()
            until(lambda: not self.spooled(user), 10, "an empty spool")
            self.assertEqual(self.server.psql("select 1 from entry where mailbox = '%s'" % user), [])

        def refused():  # a mailbox that takes none: T.38 is refused, and the message goes on
            user = self.owner(", fax = false")
            _, call = self.calls(user)
            leave(call, [(700, 1.5)], key=None)
            self.assertEqual(offer_t38(call).status, 488)
            call.dial("#")
            call.media.send_digit("1")  # and the call ends, as "saved" and "good-bye" are silent here
            self.count(user)

        def back():  # to sound in the middle: what has come is the fax, and the call ends in good order
            user = self.owner()
            caller, call = self.calls(user)
            machine = self.packets(call)
            until(lambda: self.spooled(user) == [("fax", 1)], 90, "a page")
            machine.freeze()
            self.assertEqual(call.reinvite().status, 200)
            self.assertEqual(self.faxes(user)[0][:2], ["1", "t"])
            call.wait_ended()

        self.together(sound, t38, words, interrupted, nothing, refused, back)

    def test_limit_and_kill(self):
        kept, short = self.owner(), self.owner()
        caller, call = self.calls(kept)
        machine = self.packets(call)
        self.server.configure(self.SETTINGS.replace("message_silence = 3", "fax_pages = 1"))
        self.server.reload()
        _, other = self.calls(short)
        self.packets(other)
        until(lambda: self.spooled(kept) == [("fax", 1)], 90, "a page")
        machine.freeze()
        self.assertEqual(self.faxes(short)[0][:2], ["1", "t"])  # one page is all that is taken
        other.wait_ended()
        self.server.kill()
        self.server.start()
        self.assertEqual(self.faxes(kept)[0][:2], ["1", "t"])
        self.assert_pages(kept, caller, 1)


if __name__ == "__main__":
    unittest.main()
