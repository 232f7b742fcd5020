"""The real confabd, a real PostgreSQL, and peers that are not ours, for scenarios.

    class TestX(Scenario):                     one server for all tests of the class, which must be empty and stop afterwards
        SETTINGS = 'sip { ring = 2 }'          sections that replace the default ones of the same name; PLAN, PEERS likewise
        LINKS = CHAINED                        links of the service path; CHAINED: three before all others, which only look on
        def test_y(self):
            phone = self.phone("1001")         a Phone (phone.py), closed after the test, its calls hung up; registered=True registers it
            self.server ...                    the Server

    Server      start, stop, kill (-9), restart, reload (SIGHUP), psql(query) -> rows, log() -> text, wait_log(pattern),
                mark() and log_since(mark); counters() and wait_nothing_left(): the objects in it;
                address (127.0.M.N of its own), port 5060; folder, spool, cache
    Baresip     a baresip with a folder of its own: dial, answer, hangup, command, wait_event; recorded() -> (samples, rate)
    run_sipp    runs a scenario of tests/sip/scenarios to its end, AssertionError with SIPp's log when it fails

Environment: CONFABD is the binary to test (default: build/confabd); beside it voices/ must have been made. One PostgreSQL
cluster is started for the whole process, with a database for each Server; the demo subscribers are in it.
"""
import atexit
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import wave

import sound
from phone import Phone

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
CONFABD = pathlib.Path(os.environ.get("CONFABD") or SOURCE / "build" / "confabd").resolve()
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
SOUNDS = pathlib.Path("/usr/share/asterisk")
SLOW = 4 if "asan" in str(CONFABD) or os.environ.get("SLOW") else 1  # sanitizers: more patience

PEERS = 'peer "pbx" { address = {"127.0.0.2"} }'
PLAN = """
number "1001-1010" { application = "user" }
number "3000-3899" { application = "conference" }
number "3900"      { application = "conference" }
number "3999"      { application = "conference" argument = "ask" }
number "*97"       { application = "voicemail" argument = "own" }
number "*98"       { application = "voicemail" argument = "login" }
number "*96."      { application = "voicemail" argument = "screen" }
number "*99."      { application = "voicemail" argument = "deposit" }
number "7000"      { application = "voicemail" argument = "pilot" }
number "*8"        { application = "pickup" argument = "group" }
number "**."       { application = "pickup" argument = "direct" }
number "700-720"   { application = "park" argument = "701-720" }
number "*66"       { application = "redial" }
number "*86"       { application = "redial" argument = "cancel" }
number "9196"      { application = "echo" }
number "*69"       { application = "features" argument = "last-caller" }
number "*72"       { application = "features" argument = "forward-always-on" }
number "*72."      { application = "features" argument = "forward-always-on" }
number "*73"       { application = "features" argument = "forward-always-off" }
number "*78"       { application = "features" argument = "dnd-on" }
number "*79"       { application = "features" argument = "dnd-off" }
number "*90."      { application = "features" argument = "forward-busy-on" }
number "*91"       { application = "features" argument = "forward-busy-off" }
number "*92."      { application = "features" argument = "forward-no-answer-on" }
number "*93"       { application = "features" argument = "forward-no-answer-off" }
number "5000"      { application = "ivr" }
number "conf=."    { application = "conference" argument = "service" }
number "annc"      { application = "announcement" }
number "dialog"    { application = "ivr" argument = "dialog" }
"""

CHAINED = """
link "first"  { application = "tag" argument = "first=1"  region = "neutral"     order = 1 }
link "second" { application = "tag" argument = "second=2" region = "neutral"     order = 2 }
link "third"  { application = "tag" argument = "third=3"  region = "terminating" order = 1 }
"""


def until(condition, timeout=10.0, what="a condition"):
    """Waits until condition() is true and returns what it gave."""
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("%s did not come in %.0f s" % (what, timeout * SLOW))


class Database:
    """A private cluster: Unix socket only, no password; thrown away at the end of the process."""

    _only = None

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="confab-pg-")
        self._count = 0
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", self.folder + "/data", "-U", "confab", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")
        atexit.register(self.remove)
        self.start()

    def _run(self, tool, *arguments):
        command = [str(POSTGRES / tool), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--"] + command
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self):
        options = "-c listen_addresses='' -c unix_socket_directories='%s' -c fsync=off" % self.folder
        self._run("pg_ctl", "-D", self.folder + "/data", "-l", self.folder + "/log", "-w", "-o", options, "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.folder + "/data", "-m", mode, "-w", "stop")

    def remove(self):
        try:
            self.stop("immediate")
        except subprocess.CalledProcessError:
            pass  # a test had stopped it
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, database, query=None, file=None):
        """Rows as lists of strings."""
        command = ["psql", "-X", "-q", "-At", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "confab",
                   "-d", database]
        command += ["-f", str(file)] if file else ["-c", query]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [line.split("\x1f") for line in out.splitlines()]

    def create(self):
        self._count += 1
        name = "test_%d_%d" % (os.getpid(), self._count)
        self.psql("postgres", "create database " + name)
        return name


class Server:
    """A confabd with an address and a database of its own."""

    def __init__(self, settings="", plan=PLAN, peers=PEERS, listen=(), address=None, links=""):
        self.database = Database.get()
        self.name = self.database.create()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-run-"))
        self.spool, self.cache = self.folder / "spool", self.folder / "cache"
        self.spool.mkdir()
        self.cache.mkdir()
        self.address, self.port = address or self._free_address(), 5060
        self.listen = ["%s:%d" % (self.address, self.port)] + list(listen)
        self.config = self.folder / "confab.conf"
        self.log_path = self.folder / "log"
        self.process = None
        self.environment = {}  # beside our own, from the next start on
        self.configure(settings, plan, peers, links)
        self._prepared = False

    def _sounds(self):
        """The voice that is installed, and of its music five seconds: half an hour of it takes each start a second."""
        folder = self.folder / "sounds"
        pieces = sorted((SOUNDS / "moh").glob("*.wav"))
        if not pieces:
            return SOUNDS
        if not folder.exists():
            (folder / "moh").mkdir(parents=True)
            (folder / "sounds").symlink_to(SOUNDS / "sounds")
            with wave.open(str(pieces[0])) as piece, wave.open(str(folder / "moh" / "piece.wav"), "wb") as cut:
                cut.setparams(piece.getparams())
                cut.writeframes(piece.readframes(5 * piece.getframerate()))
        return folder

    _addresses = set()  # of this process; servers are made by several threads at once

    @classmethod
    def _free_address(cls):
        while True:
            # Programs that run side by side look in different places.
            address = "127.0.%d.%d" % (1 + os.getpid() % 250, random.randint(2, 254))
            if address in cls._addresses:
                continue
            cls._addresses.add(address)
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET, kind) as s:
                        s.bind((address, 5060))
                return address
            except OSError:
                continue

    def configure(self, settings="", plan=PLAN, peers=PEERS, links=""):
        """Writes confab.conf: `settings` replaces whole sections of the default."""
        sections = {
            "realm": 'realm = "confab"',
            "sip": "sip { listen = {%s} }" % ", ".join('"%s"' % a for a in self.listen),
            "database": 'database { connection = "host=%s user=confab dbname=%s" migrations = "%s" }' % (
                self.database.folder, self.name, SOURCE / "sql"),
            "voicemail": 'voicemail { spool = "%s" cache = "%s" }' % (self.spool, self.cache),
            "prompts": 'prompts { sounds = "%s" voices = "%s" }' % (self._sounds(), CONFABD.parent / "voices"),
            "http": 'http { address = "%s" port = 0 }' % self.address,
            "log": 'log { level = "debug" }',
        }
        for name, inner in re.findall(r"^\s*(\w+)\s*\{(.*?)\}\s*$", settings, re.M | re.S):
            # A section keeps what the harness must say in it.
            base = re.sub(r"\}\s*$", "", sections.get(name, name + " {"))
            sections[name] = "%s %s }" % (base, inner)
        self.config.write_text("\n".join(sections.values()) + "\n" + peers + plan + links)

    def command(self, *arguments):
        return subprocess.run([str(CONFABD), *arguments, "-c", str(self.config)], capture_output=True, text=True)

    def start(self, wait=True):
        if not self._prepared:
            done = self.command("--migrate")
            assert done.returncode == 0, done.stderr
            self.database.psql(self.name, file=SOURCE / "sql" / "demo.sql")
            self._prepared = True
        mark = self.mark()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(CONFABD), "-c", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder,
                                            env={**os.environ, **self.environment})
        if wait:
            self.wait_log(r" main ready$", 30, mark)
        return self

    def stop(self, timeout=20):
        """SIGTERM, and again when calls keep it; the exit status must be 0 (sanitizers say otherwise)."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("confabd does not stop:\n" + self.log()[-3000:]) from None
        assert status == 0, "confabd ended with %d:\n%s" % (status, self.log()[-6000:])

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        mark = self.mark()
        self.process.send_signal(signal.SIGHUP)
        self.wait_log(r" main (reloaded|reload_refused) ", 5, mark)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, query):
        return self.database.psql(self.name, query)

    def mark(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def log_since(self, mark):
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            return log.read().decode("utf-8", "replace")

    def log(self):
        return self.log_since(0)

    def counters(self):
        """What there is by now: {"calls": 0, "legs": 0, "sessions": 0, "dialogs": 0, "subscriptions": 0, "ports": 0, …}."""
        mark = self.mark()
        self.process.send_signal(signal.SIGUSR1)
        line = self.wait_log(r"server-stats .*\n", mark=mark).group()  # whole, not half written
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait_nothing_left(self, timeout=5, transactions=False):
        """Waits until no call, leg, session, port, or dialog without a subscription is left; `transactions`, which stay for 64*T1, too."""
        names = ["calls", "legs", "sessions", "ports"]
        names += ["transactions_in", "transactions_out"] if transactions else []
        end = time.monotonic() + timeout * SLOW
        while any((now := self.counters())[name] for name in names) or now["dialogs"] > now["subscriptions"]:
            assert time.monotonic() < end, "left behind: %s\n%s" % (now, self.log()[-3000:])
            time.sleep(0.1)

    def wait_log(self, pattern, timeout=10, mark=0):
        def found():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError("confabd ended with %d:\n%s" % (self.process.returncode, self.log()[-6000:]))
            return re.search(pattern, self.log_since(mark), re.M)
        return until(found, timeout, "log line " + pattern)


class Scenario(unittest.TestCase):
    """One Server for the class, which must be empty at its end. The log of a failed test is printed."""

    SETTINGS, PLAN, PEERS, LISTEN, LINKS = "", PLAN, PEERS, (), ""
    EMPTY_S = 40  # until the server must be empty: a request that nobody answers is given up after 64*T1

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.SETTINGS, cls.PLAN, cls.PEERS, cls.LISTEN, links=cls.LINKS)
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.server.running():
                cls.server.wait_nothing_left(cls.EMPTY_S)
        finally:
            cls.server.stop()

    def setUp(self):
        if not self.server.running():
            self.server.process = None
            self.server.start()
        self.server.psql("delete from binding")  # phones of earlier tests were unplugged
        self._plugged = []
        mark = self.server.mark()
        self.addCleanup(self._tell, mark)

    def _tell(self, mark):
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        bad = result is not None and any(getattr(test, "test_case", test) is self for test, _ in result.failures + result.errors)
        errors = getattr(outcome, "errors", None) or []
        if bad or any(error for _, error in errors) or not getattr(outcome, "success", True):
            print("----- confabd's log of %s\n%s-----" % (self.id(), self.server.log_since(mark)[-12000:]), flush=True)

    def phone(self, user, registered=False, password=None, **more):
        phone = Phone(self.server.address, user, "confab-" + user if password is None else password, **more)
        self._plugged.append(phone)
        self.addCleanup(phone.close)
        self.addCleanup(self._hang_up)  # before any phone of the test is closed
        if registered:
            phone.register()
        return phone

    def _hang_up(self):
        """What a test has left standing ends while all of its phones can still answer."""
        phones, self._plugged = self._plugged, []
        if self.server.running():
            for phone in phones:
                phone.hang_up()

    def pbx(self, user="pbx", **more):
        """A phone at the trusted peer's address."""
        return self.phone(user, password="", local="127.0.0.2", **more)

    def baresip(self, user, **more):
        peer = Baresip(self.server, user, **more)
        self.addCleanup(peer.stop)
        return peer


# -- SIPp ----------------------------------------------------------------------------------------------------------------


def run_sipp(server, scenario, *arguments, calls=1, service="1002", local="127.0.0.1", timeout=30):
    """Runs tests/sip/scenarios/`scenario` (or SIPp's own: "-sn", "uac") as a client of the server."""
    folder = tempfile.mkdtemp(prefix="confab-sipp-")
    which = ["-sf", str(HERE / "scenarios" / scenario)] if scenario.endswith(".xml") else ["-sn", scenario]
    command = ["sipp", "%s:%d" % (server.address, server.port), *which, "-i", local, "-m", str(calls), "-s", service,
               "-nostdin", "-trace_err", "-timeout", str(timeout), "-timeout_error", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout + 10,
                              env={**os.environ, "TERM": "dumb"})
        errors = "".join(p.read_text(errors="replace") for p in pathlib.Path(folder).glob("*errors*.log"))
        assert done.returncode == 0, "sipp ended with %d\n%s\n%s" % (done.returncode, errors[:4000], done.stdout[-1500:])
        return done
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- baresip -------------------------------------------------------------------------------------------------------------


class Baresip:
    """A baresip that is told what to do over TCP.

    `tone`: frequency it sends; `codec`: the only one it offers ("PCMU/8000/1", "G722/16000/1", "opus/48000/2");
    `answer`: "auto" takes calls at once, "manual" rings; `srtp`: "srtp" offers keys within RTP/AVP, "srtp-mand" RTP/SAVP. It registers by digest; with register=False it is told to the
    server as the trusted peer's address, and its binding is written to the database.
    """

    MODULES = ("g711", "g722", "opus", "aufile", "aubridge", "sndfile", "uuid")
    APPLICATIONS = ("account", "menu", "ctrl_tcp")  # started last: an account names codecs that must be there by then

    def __init__(self, server, user, tone=440, codec=None, answer="auto", register=True, transport="udp", password=None,
                 srtp=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-baresip-"))
        self.user, self.server = user, server
        address, sip_port = server.address if register else "127.0.0.2", self._free_port()
        rate = 48000 if codec and codec.startswith("opus") else 16000 if codec and codec.startswith("G722") else 8000
        source = self.folder / "tone.wav"
        sound.wav_write(source, sound.sine(tone, 60, rate), rate)
        port = self._free_port()
        modules = "\n".join(["module %s.so" % m for m in self.MODULES + (("srtp",) if srtp else ())] + ["module_app %s.so" % m for m in self.APPLICATIONS])
        (self.folder / "config").write_text(f"""
sip_listen {address}:{sip_port}
module_path /usr/lib/baresip/modules
{modules}
audio_source aufile,{source}
audio_player aubridge,ear
audio_alert aubridge,bell
snd_path {self.folder}
audio_srate {rate}
audio_channels 1
auplay_srate {rate}
ausrc_srate {rate}
auplay_channels 1
ausrc_channels 1
call_max_calls 4
ctrl_tcp_listen 127.0.0.1:{port}
opus_bitrate 32000
opus_stereo yes
opus_sprop_stereo yes
net_interface {address}
""")
        account = '"%s" <sip:%s@%s:%d;transport=%s>;auth_user=%s;auth_pass=%s;answermode=%s;regint=%d' % (
            user, user, server.address, server.port, transport, user,
            "confab-" + user if password is None else password, answer, 600 if register else 0)
        (self.folder / "accounts").write_text(account + (";audio_codecs=" + codec if codec else "") +
                                                (";mediaenc=" + srtp if srtp else "") + "\n")
        (self.folder / "contacts").write_text("")
        self.output = open(self.folder / "output", "wb")
        self.process = subprocess.Popen(["baresip", "-f", str(self.folder)], stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, cwd=self.folder)
        self.events, self._data = [], b""
        self.control = until(lambda: self._connect(port), 10, "baresip's control port")
        assert "codec not found" not in self.log(), self.log()  # it would quietly offer all it knows
        if register:
            until(lambda: re.search(r"200 OK .*binding", self.log()), 10, "baresip's registration")
        else:
            server.psql("insert into binding (subscriber, contact, call_id, cseq, expires) "
                        "values ('%s', 'sip:%s@%s:%d', '%s', 1, now() + interval '1 hour')" % (
                            user, user, address, sip_port, self.folder.name))

    @staticmethod
    def _free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def _connect(self, port):
        assert self.process.poll() is None, "baresip ended:\n" + self.log()
        try:
            return socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return None

    def log(self):
        return (self.folder / "output").read_text(errors="replace")

    def _read(self):
        """Takes in what has come: netstrings of JSON."""
        self.control.settimeout(0.05)
        try:
            self._data += self.control.recv(65536)
        except OSError:
            pass
        while True:
            head, colon, rest = self._data.partition(b":")
            if not colon or len(rest) < int(head) + 1:
                return
            self.events.append(json.loads(rest[:int(head)].decode("utf-8", "replace")))
            self._data = rest[int(head) + 1:]

    def command(self, name, params=""):
        text = json.dumps({"command": name, "params": params, "token": "t"}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def wait_event(self, kind, timeout=10, seen=0):
        """The event of this type ("CALL_ESTABLISHED", "CALL_CLOSED", "CALL_INCOMING", …) after `seen` of them."""
        def found():
            self._read()
            matching = [e for e in self.events if e.get("type") == kind]
            return matching[seen] if len(matching) > seen else None
        try:
            return until(found, timeout, "baresip's " + kind)
        except AssertionError as error:
            raise AssertionError("%s\n%s\n%s" % (error, self.events, self.log()[-3000:])) from None

    def dial(self, number, wait=True):
        self.command("dial", "sip:%s@%s:%d" % (number, self.server.address, self.server.port))
        if wait:
            self.wait_event("CALL_ESTABLISHED")

    def answer(self):
        self.command("accept")

    def hangup(self):
        self.command("hangup")

    @property
    def wav(self):
        """What the call's decoder gave, as baresip's module sndfile keeps it; of the last call."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime_ns)
        if not files:
            raise OSError("nothing heard yet")
        return files[-1]

    def recorded(self):
        """What it has heard in its last call: samples and rate."""
        return sound.wav_read(self.wav)

    def hears(self, *frequencies, timeout=6.0):
        """True once the last second of what it heard holds all of the frequencies."""
        end = time.monotonic() + timeout * SLOW
        while time.monotonic() < end:
            time.sleep(0.3)
            samples, rate = self._last_second()
            if samples and all(sound.hears(samples, rate, hz) for hz in frequencies):
                return True
        return False

    def deaf_to(self, *frequencies):
        time.sleep(1.2)
        samples, rate = self._last_second()
        return bool(samples) and all(sound.deaf_to(samples, rate, hz) for hz in frequencies)

    def _last_second(self):
        try:
            samples, rate = self._growing()
        except (OSError, EOFError, ValueError):
            return [], 8000
        return samples[-rate:] if len(samples) >= rate else [], rate

    def _growing(self):
        """The WAV as written so far: its header's length is set only at the end."""
        data = self.wav.read_bytes()
        if len(data) < 44:
            raise ValueError("no header yet")
        channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
        body = memoryview(data)[44:44 + (len(data) - 44) // (2 * channels) * 2 * channels].cast("h")
        return list(body[::channels]), rate

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.control.close()
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)
