"""Who is spoken to in which language: the owner in that of his mailbox, the caller in the one that his phone asks for."""
import time

from harness import PLAN
from test_http import Application
from tonevoice import ToneScenario

PIN = "739146"


class TestLanguages(ToneScenario):
    SPOKEN = tuple(language + name for name in ("vm-password", "vm-youhave", "vm-intro", "conf-getpin", "conf-now-recording")
                   for language in ("", "fr:"))

    @classmethod
    def setUpClass(cls):
        cls.app = Application()
        cls.addClassCleanup(cls.app.close)
        cls.PLAN = PLAN + 'number "6000" { application = "http" argument = "%s/start" }\n' % cls.app.url
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.server.psql("update mailbox set language = ''; update subscriber set language = ''; "
                         "update room set language = ''")

    def hears(self, call, language, name, since):
        """That phrase in that language, and not in the other."""
        names = {"en": name, "fr": "fr:" + name}
        self.says(call, names.pop(language), since)
        self.silent(call, *names.values(), since)

    def invite(self, number, accepts=None, user="1001"):
        headers = [("Accept-Language", accepts)] if accepts else []
        since = time.monotonic()
        return self.phone(user).invite(number, headers=headers).wait_answered(), since

    def test_owner_is_spoken_to_in_the_language_of_his_mailbox(self):
        self.server.psql("update mailbox set language = 'fr' where number = '1001'")
        call, since = self.invite("*97")
        self.hears(call, "fr", "vm-password", since)
        since = time.monotonic()
        self.press(call, PIN + "#")
        self.hears(call, "fr", "vm-youhave", since)
        call.hangup()
        # From a phone that is not his own: his language as soon as he is known.
        call, since = self.invite("*98", user="1002")
        self.press(call, "1001#")
        self.hears(call, "en", "vm-password", since)
        since = time.monotonic()
        self.press(call, PIN + "#")
        self.hears(call, "fr", "vm-youhave", since)

    def test_subscribers_own_language_goes_before_that_of_his_mailbox(self):
        self.server.psql("update mailbox set language = 'en' where number = '1001'; "
                         "update subscriber set language = 'fr' where number = '1001'")
        call, since = self.invite("*97")
        self.hears(call, "fr", "vm-password", since)

    def test_caller_is_spoken_to_as_his_phone_asks(self):
        call, since = self.invite("*991002", "de, fr-CA;q=0.8, en;q=0.2")
        self.hears(call, "fr", "vm-intro", since)
        call.hangup()
        # A language that nobody speaks here: that of the mailbox, else of the server.
        call, since = self.invite("*991002", "de")
        self.hears(call, "en", "vm-intro", since)
        call.hangup()
        self.server.psql("update mailbox set language = 'fr' where number = '1002'")
        call, since = self.invite("*991002", "de")
        self.hears(call, "fr", "vm-intro", since)
        call.hangup()
        call, since = self.invite("*991002", "en")
        self.hears(call, "en", "vm-intro", since)

    def test_http_application_chooses_the_language(self):
        ask = {"gather": {"prompts": ["vm-password"], "action": self.app.url + "/next"}}
        self.app.script["/start"] = {"language": "fr", "verbs": [{"answer": {}}, ask]}
        self.app.script["/next"] = [{"play": {"prompts": ["vm-intro"]}}, {"pause": {"ms": 5000}}]
        call, since = self.invite("6000", "en")
        self.hears(call, "fr", "vm-password", since)
        since = time.monotonic()
        self.press(call, "1")
        self.hears(call, "fr", "vm-intro", since)  # until another answer says otherwise
        call.hangup()

    def test_unknown_language_is_the_servers(self):
        self.server.psql("update mailbox set language = 'xx' where number = '1001'")
        call, since = self.invite("*97")
        self.hears(call, "en", "vm-password", since)

    def test_room_speaks_its_own_language(self):
        self.server.psql("update room set language = 'fr' where number = '3900'")
        call, since = self.invite("3900", "en")
        self.hears(call, "fr", "conf-getpin", since)
        mark = self.server.mark()
        self.press(call, "135791#")
        self.server.wait_log("room-entered room=3900", mark=mark)
        since = time.monotonic()
        self.press(call, "*04")
        self.hears(call, "fr", "conf-now-recording", since)
        call.hangup()
        self.server.psql("update room set language = '' where number = '3900'")
        call, since = self.invite("3900", "fr", "1002")  # all in a room hear one language
        self.hears(call, "en", "conf-getpin", since)
