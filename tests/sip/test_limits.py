"""Limits, reload, drain and the command line of the daemon."""
import re
import signal
import subprocess
import unittest

from harness import CONFABD, PLAN, Scenario, Server, until
from phone import Phone


def refused(test, call):
    response = call.wait_ended()
    test.assertEqual(response.status, 503)
    wait = int(response.get("Retry-After", "0").split(";")[0].split("(")[0])
    test.assertGreater(wait, 0)
    return wait


class TestCalls(Scenario):
    SETTINGS = "limits { calls = 2 }"

    def test_one_call_too_many_gets_503_with_a_random_retry_after(self):
        phone = self.phone("1001", registered=True)
        held = [phone.invite("9196").wait_answered() for _ in range(2)]
        waits = {refused(self, phone.invite("9196")) for _ in range(12)}
        self.assertGreater(len(waits), 1, "Retry-After is drawn at random")
        held.pop().hangup()
        until(lambda: self.place_again(phone), what="a place after a hang-up")

    def place_again(self, phone):
        call = phone.invite("9196")
        call._wait(lambda: call.answered or call.ended, 10, "an outcome")
        answered = call.answered
        call.hangup()
        return answered


class TestRate(Scenario):
    SETTINGS = "limits { calls_a_second = 3 }"

    def test_a_burst_is_cut(self):
        phone = self.phone("1001", registered=True)
        calls = [phone.invite("9196") for _ in range(12)]
        for call in calls:
            call._wait(lambda: call.answered or call.ended, 10, "an outcome")
        taken = [call for call in calls if call.answered]
        self.assertTrue(3 <= len(taken) < 12, len(taken))
        for call in calls:
            if call not in taken:
                refused(self, call)
        for call in taken:
            call.hangup()


class TestRooms(Scenario):
    SETTINGS = "limits { rooms = 1 room_members = 2 }"

    def test_rooms_and_members_are_bounded(self):
        phones = [self.phone(user, registered=True) for user in ("1001", "1002", "1003")]
        inside = [phones[0].invite("3001").wait_answered(), phones[1].invite("3001").wait_answered()]
        for room in ("3001", "3002"):
            call = phones[2].invite(room)
            call.wait_ended(20)  # refused outright, or told so and hung up
            if call.end.status:
                self.assertIn(call.end.status, (480, 486, 503))
        for call in inside:
            self.assertFalse(call.ended)
            call.hangup()


class TestReload(Scenario):
    def test_new_calls_take_a_new_plan_and_a_bad_file_changes_nothing(self):
        phone = self.phone("1001", registered=True)
        standing = phone.invite("9196", tone=440).wait_answered()
        self.assertEqual(phone.invite("9197").wait_ended().status, 404)
        self.server.configure(plan=PLAN + 'number "9197" { application = "echo" }\n')
        self.server.reload()
        phone.invite("9197").wait_answered().hangup()
        mark = self.server.mark()
        self.server.configure(plan=PLAN + 'number "9197" { aplication = "echo" }\n')
        self.server.reload()
        self.assertRegex(self.server.log_since(mark), r"configuration fault=.*confab\.conf:\d+: ")
        self.assertIn("reload_refused", self.server.log_since(mark))
        phone.invite("9197").wait_answered().hangup()
        self.assertTrue(standing.hears(440))
        standing.hangup()


class TestFigures(Scenario):
    def figures(self):
        mark = self.server.mark()
        self.server.process.send_signal(signal.SIGUSR1)
        line = self.server.wait_log(r"media-stats .*$", mark=mark).group()
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}

    def test_sigusr1_tells_what_the_workers_did_since_the_last_time(self):
        call = self.phone("1001", registered=True).invite("9196", tone=440).wait_answered()
        self.assertTrue(call.hears(440))
        first = self.figures()
        self.assertEqual(first["ports"], 1)
        self.assertGreater(first["received"], 10)
        self.assertGreater(first["sent"], 10)
        self.assertGreater(first["ticks"], 10)
        self.assertGreater(first["most_us"], 0)
        self.assertTrue(first["p50_us"] <= first["p99_us"] <= first["p999_us"] <= first["most_us"], first)
        second, third = self.figures(), self.figures()
        for figures in (second, third):  # what was told once is not told again
            self.assertLess(figures["ticks"], first["ticks"])
        self.assertTrue(call.hears(440))
        self.assertEqual([self.server.counters()[name] for name in ("calls", "legs", "sessions", "dialogs", "ports")], [1] * 5)
        call.hangup()
        self.server.wait_nothing_left()


class TestDrain(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.remove)
        self.addCleanup(self.server.stop)

    def phone(self, user):
        phone = Phone(self.server.address, user, "confab-" + user)
        self.addCleanup(phone.close)
        phone.register()
        return phone

    def test_sigterm_waits_for_standing_calls_and_takes_no_new_ones(self):
        phone = self.phone("1001")
        call = phone.invite("9196", tone=440).wait_answered()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.wait_log("draining")
        refused(self, phone.invite("9196"))
        self.assertTrue(call.hears(440))
        call.hangup()
        self.assertEqual(self.server.process.wait(10), 0)

    def test_a_second_signal_hangs_up(self):
        call = self.phone("1001").invite("9196").wait_answered()
        for _ in range(2):
            self.server.process.send_signal(signal.SIGTERM)
            self.server.wait_log("draining")
        self.assertEqual(call.wait_ended().method, "BYE")
        self.assertEqual(self.server.process.wait(10), 0)

    def test_without_calls_it_ends_at_once(self):
        self.server.process.send_signal(signal.SIGINT)
        self.assertEqual(self.server.process.wait(10), 0)


class TestCommandLine(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([str(CONFABD), *arguments], capture_output=True, text=True)

    def test_check_tells_file_and_line_of_every_fault(self):
        server = Server(plan='number "12" { application = "nonsense" }\nnumber "1-" { application = "echo" }\n', peers="")
        self.addCleanup(server.remove)
        done = server.command("--check")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'confab\.conf:\d+: number: "1-"')
        server.configure(plan='number "12" { application = "nonsense" }\n')
        lines = server.config.read_text().splitlines()
        line = 1 + next(i for i, text in enumerate(lines) if "nonsense" in text)
        done = server.command("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn('confab.conf:%d: number "12": there is no application "nonsense"' % line, done.stderr)
        server.configure()
        self.assertEqual(server.command("--check").returncode, 0)

    def test_version_help_and_nonsense(self):
        self.assertRegex(self.run_it("--version").stdout, r"^confabd \d+\.\d+\.\d+\n$")
        self.assertIn("--check", self.run_it("--help").stdout)
        self.assertEqual(self.run_it("--nonsense").returncode, 2)
        self.assertEqual(self.run_it("-c", "/nonexistent").returncode, 1)

    def test_an_address_that_is_taken_is_told(self):
        first = Server().start()
        self.addCleanup(first.remove)
        self.addCleanup(first.stop)
        second = Server(address=first.address)
        self.addCleanup(second.remove)
        second.start(wait=False)
        self.assertEqual(second.process.wait(20), 1)
        self.assertTrue(re.search(re.escape(first.address), second.log()), second.log())


if __name__ == "__main__":
    unittest.main()
