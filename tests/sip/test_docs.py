"""The guides say what is so: their examples are given to the programs, their links lead somewhere."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import CONFABD, PLAN, SOURCE, Database, Scenario, Server, until
from phone import Phone

PAGES = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
# A whole section within a line of text: `sip { ring = 20 }`, `number "5000" { application = "ivr" }`. Of peers and links, which
# have a name, text shows single settings as well.
INLINE = re.compile(r'`((?!peer|link)[a-z]+(?: "[^"]*")?\s\{\s[a-z_0-9]+\s=\s[^`…]*\})`')
# What examples of a page take for granted.
PEERS = ("pbx", "trunk", "trunks", "provider")


def text_of(page):
    return page.read_text(encoding="utf-8")


INDENTED = {"conf": r'\w+ (?:"[^"]*" )?\{', "sql": r"(?:select|insert|update|delete) "}


def blocks(page, language):
    """(line, text) of each example in that language: fenced and marked so, or indented and beginning so."""
    text = text_of(page)
    found = list(re.finditer(r"^```%s\n(.*?)^```" % language, text, re.M | re.S))
    if language in INDENTED:
        found += re.finditer(r"(?<=\n\n)(    %s(?:.*\n)(?:    .*\n)*)" % INDENTED[language], text)
    return [(text.count("\n", 0, m.start(1)) + 1, m.group(1)) for m in sorted(found, key=lambda m: m.start())]


def anchors(page):
    """As GitHub names the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class TestDocs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-docs-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def each(self, found):
        """Runs found(page) for each page; a page's faults name it."""
        for page in PAGES:
            with self.subTest(page=str(page.relative_to(SOURCE))):
                found(page)

    def complete(self, text):
        """With the peers that it names and does not define."""
        named = set(re.findall(r'application = "peer" argument = "(\w+)"', text)) - set(re.findall(r'^peer "(\w+)"', text, re.M))
        self.assertLessEqual(named, set(PEERS))
        text = re.sub(r'"/etc/confab/[^"]*\.wav"', '"%s"' % __file__, text)  # any file that can be read
        return text + "".join('\npeer "%s" { address = {"192.0.2.10"} uri = "sip:192.0.2.10" }' % name for name in named) + "\n"

    def check(self, page, line, text):
        conf = self.folder / ("%s-%d.conf" % (page.stem, line))
        conf.write_text(self.complete(text), encoding="utf-8")
        done = subprocess.run([str(CONFABD), "--check", "-c", str(conf)], capture_output=True, text=True,
                              env={**os.environ, "TRUNK_PASSWORD": "a", "WEBHOOK_SECRET": "b"})
        self.assertEqual(done.returncode, 0, "%s:%d:\n%s\n%s" % (page.name, line, text, done.stdout + done.stderr))

    def test_configurations_are_taken(self):
        def found(page):
            for line, text in blocks(page, "conf"):
                self.check(page, line, text)
            text = text_of(page)
            for m in INLINE.finditer(text):
                self.check(page, text.count("\n", 0, m.start()) + 1, " ".join(m.group(1).split()))
        self.assertGreater(sum(len(blocks(page, "conf")) for page in PAGES), 20)
        self.each(found)

    def test_configurations_are_marked(self):
        def found(page):
            for line, text in blocks(page, ""):
                self.assertNotRegex(text, r'^(\w+|\w+ "[^"]*") \{', "%s:%d is to be marked conf" % (page.name, line))
        self.each(found)

    def test_what_is_no_configuration_is_refused(self):
        with self.assertRaises(AssertionError):
            self.check(PAGES[0], 1, "sip { rings = 20 }")

    def test_links_lead_somewhere(self):
        def found(page):
            for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                other = (page.parent / path).resolve() if path else page
                self.assertTrue(other.exists(), target)
                if anchor:
                    self.assertIn(anchor, anchors(other), target)
            # Pages that are named without a link.
            for name in re.findall(r"\bdocs/[\w-]+\.md\b", text_of(page)):
                self.assertTrue((SOURCE / name).exists(), name)
        self.each(found)

    def test_every_page_is_in_the_index(self):
        index = text_of(SOURCE / "docs" / "README.md")
        for page in PAGES:
            if page.parent.name == "docs" and page.name != "README.md":
                self.assertIn("(%s)" % page.name, index)

    def test_commands_exist(self):
        tool = CONFABD.with_name("confabctl")
        usage = subprocess.run([str(tool), "--help"], capture_output=True, text=True, check=True).stdout
        known = set(re.findall(r"^  (\w+)", usage, re.M))
        self.assertIn("trace", known)

        def found(page):
            for line in re.findall(r"(?:`|^ {4}(?:\$ )?)confabctl ([^`#\n…]+)", text_of(page), re.M):
                words = re.sub(r"-c \S+|--json", "", line).split()
                self.assertIn(words[0], known, line)
                for option in re.findall(r"--[a-z-]+", line):
                    self.assertIn(option, usage, line)
        self.each(found)

    def test_settings_that_are_named_exist(self):
        manual = text_of(SOURCE / "docs" / "man" / "confab.conf.5")
        known, section = {}, None
        for line in manual.splitlines():
            if line.startswith(".Ss "):
                section = line.split()[1]
                known[section] = set()
            elif line.startswith(".It Ic ") and section:
                known[section].add(line.split()[2])

        def found(page):
            for section, names in re.findall(r"`([a-z]+) \{ ([a-z_0-9, \n]+?) \}`", text_of(page)):
                self.assertLessEqual(set(re.split(r",\s*", names.strip())), known.get(section, set()), section)
        self.each(found)

    def test_statements_are_taken(self):
        database = Database.get()
        name = database.create()
        conf = self.folder / "confab.conf"
        conf.write_text('database { connection = "host=%s user=confab dbname=%s" migrations = "%s" }\n'
                        'voicemail { spool = "%s/spool" cache = "%s/cache" }\n' % (
                            database.folder, name, SOURCE / "sql", self.folder, self.folder))
        subprocess.run([str(CONFABD), "--migrate", "-c", str(conf)], check=True, capture_output=True)
        database.psql(name, file=SOURCE / "sql" / "demo.sql")

        def found(page):
            statements = "".join(text for _, text in blocks(page, "sql"))
            if statements:
                script = self.folder / (page.stem + ".sql")
                script.write_text("begin;\n%s\nrollback;\n" % statements, encoding="utf-8")
                script.chmod(0o644)
                done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", database.folder, "-U", "confab", "-d",
                                       name, "-f", str(script)], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        self.each(found)


@unittest.skipUnless(shutil.which("kamailio"), "kamailio is needed")
class TestProxy(Scenario):
    """docs/behind-kamailio.md: its proxy before a server, with other addresses."""

    @classmethod
    def setUpClass(cls):
        cls.outside, cls.phones, cls.trunks = (Server._free_address() for _ in range(3))
        cls.PEERS = 'peer "trunks" { address = {"%s"} uri = "sip:%s:5060" }' % (cls.trunks, cls.trunks)
        cls.PLAN = PLAN + 'number "0." { application = "peer" argument = "trunks" }\n'
        super().setUpClass()
        cls.addClassCleanup(cls.server.stop)  # also where the proxy does not start
        cls.provider = Phone(cls.outside, "4711", local="127.0.0.2")
        cls.addClassCleanup(cls.provider.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-docs-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        [(_, text)] = blocks(SOURCE / "docs" / "behind-kamailio.md", "kamailio")
        for printed, ours in (("192.0.2.10", cls.outside), ("10.0.0.10", cls.phones), ("10.0.0.11", cls.trunks),
                              ("198.51.100.5:5060", "127.0.0.2:%d" % cls.provider.local_port), ("198.51.100.5", "127.0.0.2"),
                              ("children=4", "children=1"), ("/etc/kamailio", str(folder))):
            text = text.replace(printed, ours)
        (folder / "dispatcher.list").write_text("1 sip:%s:5060\n" % cls.server.address)
        (folder / "kamailio.cfg").write_text(text)
        proxy = subprocess.Popen(["kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", str(folder / "kamailio.cfg"), "-P",
                                  str(folder / "pid"), "-Y", str(folder), "-w", str(folder)],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(proxy.wait)
        cls.addClassCleanup(proxy.terminate)
        until(lambda: cls.answers(proxy), 15, "kamailio")

    @classmethod
    def answers(cls, proxy):
        assert proxy.poll() is None, "kamailio does not take its configuration"
        with Phone(cls.outside, "probe", local="127.0.0.1") as probe:
            try:
                return probe.exchange(probe.build("OPTIONS", "sip:" + cls.outside), timeout=0.4)
            except AssertionError:
                return None

    def behind(self, user):
        phone = Phone(self.outside, user, "confab-" + user, local="127.0.0.1")
        self.addCleanup(phone.close)
        self.addCleanup(phone.hang_up)
        phone.register()
        return phone

    def talk(self, caller, number, callee, who):
        call = caller.invite(number, tone=440)
        other = callee.wait_call()
        self.assertEqual(other.caller, who)
        other.answer(tone=550)
        self.assertTrue(call.wait_answered().hears(550) and other.hears(440))
        other.hangup()
        call.wait_ended()

    def test_phones_and_a_trunk(self):
        ada, bo = self.behind("1001"), self.behind("1002")
        paths = self.server.psql("select path from binding")
        self.assertTrue(all(path[0].startswith("<sip:%s;lr;received=" % self.phones) for path in paths), paths)
        self.talk(ada, "1002", bo, "1001")
        self.talk(ada, "0123", self.provider, "1001")
        self.talk(self.provider, "1002", bo, "4711")  # is not asked for a password
        self.assertEqual(bo.subscribe("message-summary").response.status, 200)
        self.assertIn("Messages-Waiting: no", bo.wait_notify().body)
        with Phone(self.outside, "1003", "wrong", local="127.0.0.1") as stranger:
            self.assertEqual(stranger.invite("1002").wait_ended().status, 407)


if __name__ == "__main__":
    unittest.main()
